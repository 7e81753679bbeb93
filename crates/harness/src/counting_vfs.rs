//! Stands between SQLite and its files: records what is written and synced, holds syncs up, lets them
//! fail, and fills the disk.
//!
//! This is the one module with `unsafe` (architecture section 6): SQLite takes a VFS only as a table of
//! C functions. Every file of the wrapped VFS lies in memory right behind our own small header, as
//! SQLite allocates `szOsFile` bytes for both. Nothing here keeps a pointer that SQLite does not keep.

#![expect(
    unsafe_code,
    reason = "SQLite's VFS is a C interface; everything behind it is safe code in `recorder`"
)]

mod recorder;

use std::{
    ffi::{CStr, c_char, c_int, c_void},
    mem::size_of,
    path::Path,
    ptr,
    sync::{Arc, OnceLock},
};

use libsqlite3_sys::{
    SQLITE_FULL, SQLITE_IOERR_FSYNC, SQLITE_OK, sqlite3_file, sqlite3_io_methods, sqlite3_vfs, sqlite3_vfs_find,
    sqlite3_vfs_register,
};
use parking_lot::Mutex;

pub use self::recorder::{Entry, Event, HeldSyncs, Recorder};

/// Records what SQLite does in `folder`; files that are opened before are not seen.
///
/// # Errors
/// When the folder is not there, or SQLite does not take the VFS.
pub fn watch(folder: &Path) -> anyhow::Result<Arc<Recorder>> {
    anyhow::ensure!(register(), "SQLite did not take the VFS");
    let recorder = Arc::new(Recorder::new(folder.canonicalize()?));
    RECORDERS.lock().push(Arc::clone(&recorder));
    Ok(recorder)
}

static RECORDERS: Mutex<Vec<Arc<Recorder>>> = Mutex::new(Vec::new());
static REAL: OnceLock<Vfs> = OnceLock::new();

/// The VFS that was the default before.
#[derive(Clone, Copy)]
struct Vfs(*mut sqlite3_vfs);

// SAFETY: a registered VFS is used by every thread of SQLite and is never changed or freed.
unsafe impl Send for Vfs {}
// SAFETY: as above.
unsafe impl Sync for Vfs {}

/// What lies before a file of the wrapped VFS.
#[repr(C)]
struct Header {
    base: sqlite3_file,
    /// Owned, from `Box::into_raw`; null while the file is not open.
    watched: *mut Watched,
}

/// Whose events a file's are.
struct Watched {
    recorder: Option<Arc<Recorder>>,
    name: String,
}

fn register() -> bool {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    *REGISTERED.get_or_init(|| {
        // SAFETY: null asks for the default VFS; SQLite initialises itself here.
        let real = unsafe { sqlite3_vfs_find(ptr::null()) };
        if real.is_null() {
            return false;
        }
        REAL.get_or_init(|| Vfs(real));
        // SAFETY: the default VFS is a valid struct that lives as long as the process.
        let mut ours = unsafe { *real };
        let Ok(header) = c_int::try_from(size_of::<Header>()) else {
            return false;
        };
        ours.szOsFile += header;
        ours.pNext = ptr::null_mut();
        ours.zName = c"watchfire-counting".as_ptr();
        ours.xOpen = Some(open);
        // SAFETY: the struct is leaked, so it lives as long as SQLite may use it.
        unsafe { sqlite3_vfs_register(Box::into_raw(Box::new(ours)), 1) == SQLITE_OK }
    })
}

/// The wrapped file behind the header.
///
/// # Safety
/// `file` is one that [`open`] was given.
unsafe fn inner(file: *mut sqlite3_file) -> *mut sqlite3_file {
    // SAFETY: SQLite allocated `szOsFile` bytes: the header, then the wrapped file. The header's size is
    // a multiple of a pointer's alignment, and so the wrapped file is aligned.
    unsafe { file.cast::<u8>().add(size_of::<Header>()).cast() }
}

/// # Safety
/// `file` is open.
unsafe fn watched<'a>(file: *mut sqlite3_file) -> Option<&'a Watched> {
    // SAFETY: `open` has set the pointer, `close` alone frees it, and SQLite uses no file after closing it.
    unsafe { (*file.cast::<Header>()).watched.as_ref() }
}

fn watch_file(name: *const c_char) -> Watched {
    if name.is_null() {
        return Watched {
            recorder: None,
            name: String::new(),
        };
    }
    // SAFETY: SQLite passes a name that ends with a zero byte.
    let name = unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned();
    let path = Path::new(&name);
    let recorder = RECORDERS.lock().iter().find(|recorder| recorder.is_of(path)).cloned();
    Watched { recorder, name }
}

unsafe extern "C" fn open(
    _vfs: *mut sqlite3_vfs,
    name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let Some(Vfs(real)) = REAL.get().copied() else {
        return libsqlite3_sys::SQLITE_CANTOPEN;
    };
    // SAFETY: SQLite gives memory for the header and the wrapped file, and the arguments are passed on.
    unsafe {
        (*file).pMethods = ptr::null();
        let Some(real_open) = (*real).xOpen else {
            return libsqlite3_sys::SQLITE_CANTOPEN;
        };
        let result = real_open(real, name, inner(file), flags, out_flags);
        if result == SQLITE_OK {
            let header = file.cast::<Header>();
            (*header).watched = Box::into_raw(Box::new(watch_file(name)));
            (*file).pMethods = &raw const METHODS;
        }
        result
    }
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: the file is open, so the header's pointer came from `Box::into_raw`; it is taken once.
    unsafe {
        let header = file.cast::<Header>();
        drop(Box::from_raw((*header).watched));
        (*header).watched = ptr::null_mut();
        forward_close(file)
    }
}

unsafe extern "C" fn write(file: *mut sqlite3_file, data: *const c_void, amount: c_int, offset: i64) -> c_int {
    // SAFETY: the file is open; the arguments are passed on.
    unsafe {
        let Some(Watched {
            recorder: Some(recorder),
            name,
        }) = watched(file)
        else {
            return forward_write(file, data, amount, offset);
        };
        if recorder.is_full() {
            return SQLITE_FULL;
        }
        let result = forward_write(file, data, amount, offset);
        recorder.wrote(name);
        result
    }
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: the file is open; the arguments are passed on.
    unsafe {
        let Some(Watched {
            recorder: Some(recorder),
            name,
        }) = watched(file)
        else {
            return forward_sync(file, flags);
        };
        let result = if recorder.begin_sync(name) {
            SQLITE_IOERR_FSYNC
        } else {
            forward_sync(file, flags)
        };
        recorder.end_sync(name, result == SQLITE_OK);
        result
    }
}

/// Passes a call on to the wrapped file; `$missing` is the answer where it has no such method.
macro_rules! forward {
    ($($name:ident = $method:ident($($arg:ident: $type:ty),*) -> $missing:expr;)*) => {$(
        unsafe extern "C" fn $name(file: *mut sqlite3_file, $($arg: $type),*) -> c_int {
            // SAFETY: SQLite calls methods of open files only, and an open wrapped file has its methods.
            unsafe {
                let real = inner(file);
                match (*(*real).pMethods).$method {
                    Some(method) => method(real, $($arg),*),
                    None => $missing,
                }
            }
        }
    )*};
}

forward! {
    forward_close = xClose() -> SQLITE_OK;
    read = xRead(data: *mut c_void, amount: c_int, offset: i64) -> libsqlite3_sys::SQLITE_IOERR;
    forward_write = xWrite(data: *const c_void, amount: c_int, offset: i64) -> libsqlite3_sys::SQLITE_IOERR;
    truncate = xTruncate(size: i64) -> libsqlite3_sys::SQLITE_IOERR;
    forward_sync = xSync(flags: c_int) -> libsqlite3_sys::SQLITE_IOERR;
    file_size = xFileSize(size: *mut i64) -> libsqlite3_sys::SQLITE_IOERR;
    lock = xLock(level: c_int) -> libsqlite3_sys::SQLITE_IOERR;
    unlock = xUnlock(level: c_int) -> libsqlite3_sys::SQLITE_IOERR;
    check_reserved_lock = xCheckReservedLock(out: *mut c_int) -> libsqlite3_sys::SQLITE_IOERR;
    file_control = xFileControl(op: c_int, arg: *mut c_void) -> libsqlite3_sys::SQLITE_NOTFOUND;
    sector_size = xSectorSize() -> 4096;
    device_characteristics = xDeviceCharacteristics() -> 0;
    shm_map = xShmMap(page: c_int, size: c_int, extend: c_int, out: *mut *mut c_void) -> libsqlite3_sys::SQLITE_IOERR;
    shm_lock = xShmLock(offset: c_int, count: c_int, flags: c_int) -> libsqlite3_sys::SQLITE_IOERR;
    shm_unmap = xShmUnmap(delete: c_int) -> SQLITE_OK;
}

unsafe extern "C" fn shm_barrier(file: *mut sqlite3_file) {
    // SAFETY: as in `forward`.
    unsafe {
        let real = inner(file);
        if let Some(method) = (*(*real).pMethods).xShmBarrier {
            method(real);
        }
    }
}

/// Version 2: with shared memory for the write-ahead log, without memory-mapped pages, so that every
/// write passes by here.
static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};
