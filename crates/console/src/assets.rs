//! The files that pages load: in the binary, under addresses that change with their contents.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use watchfire_app::checksum;

/// A file of the binary.
struct Asset {
    /// Without the part that changes.
    name: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
}

const ASSETS: [Asset; 7] = [
    Asset {
        name: "console.css",
        media_type: "text/css; charset=utf-8",
        bytes: include_bytes!("../assets/console.css"),
    },
    Asset {
        name: "console.js",
        media_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../assets/console.js"),
    },
    Asset {
        name: "htmx.js",
        media_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../assets/vendor/htmx-4.0.1/htmx.min.js"),
    },
    Asset {
        name: "icon.svg",
        media_type: "image/svg+xml",
        bytes: include_bytes!("../assets/icon.svg"),
    },
    Asset {
        name: "passkey.js",
        media_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../assets/passkey.js"),
    },
    Asset {
        name: "set-up.css",
        media_type: "text/css; charset=utf-8",
        bytes: include_bytes!("../assets/set_up.css"),
    },
    Asset {
        name: "set-up.js",
        media_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../assets/set_up.js"),
    },
];

/// Where the files are, for templates.
#[derive(Debug)]
pub(crate) struct Links {
    pub(crate) style: String,
    pub(crate) script: String,
    pub(crate) htmx: String,
    pub(crate) icon: String,
    /// Of pages that ask for passkeys.
    pub(crate) passkey_script: String,
    /// Of the set-up pages.
    pub(crate) set_up_style: String,
    /// Of the set-up pages.
    pub(crate) set_up_script: String,
}

/// The addresses of this build.
pub(crate) static LINKS: LazyLock<Links> = LazyLock::new(|| {
    let [style, script, htmx, icon, passkey_script, set_up_style, set_up_script] =
        ASSETS.map(|asset| format!("/admin/assets/{}", asset.address()));
    Links {
        style,
        script,
        htmx,
        icon,
        passkey_script,
        set_up_style,
        set_up_script,
    }
});

const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// An icon is looked at as a document of its own too, which must not run anything.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'");

impl Asset {
    fn digest(&self) -> String {
        let digest = checksum(self.bytes);
        digest.get(..16).unwrap_or(&digest).to_owned()
    }

    fn address(&self) -> String {
        format!("{}-{}", self.digest(), self.name)
    }
}

/// One of the files. Its address names its contents, so it is kept for ever.
pub(crate) async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.address() == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let tag = format!("\"{}\"", asset.digest());
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut response = match known {
        Some(known) if known.contains(&tag) => StatusCode::NOT_MODIFIED.into_response(),
        _ => ([(header::CONTENT_TYPE, asset.media_type)], asset.bytes).into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, FOR_EVER);
    headers.insert(header::CONTENT_SECURITY_POLICY, NOTHING);
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is in the folder is what the maker published; the table beside it says so too.
    #[test]
    fn vendored_files_are_unchanged() {
        let table = include_str!("../assets/vendor/README.md");
        let [_, _, htmx, ..] = ASSETS;
        let digest = checksum(htmx.bytes);
        assert_eq!(digest, "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130");
        assert!(table.contains(&digest));
        assert!(include_str!("../assets/vendor/htmx-4.0.1/LICENSE").starts_with("Zero-Clause BSD"));
    }

    #[test]
    fn what_is_ours_loads_nothing_from_elsewhere() {
        let [style, script, _, icon, ours @ ..] = ASSETS;
        for asset in [style, script].into_iter().chain(ours) {
            let text = std::str::from_utf8(asset.bytes).unwrap();
            assert!(!text.contains("://") && !text.contains("@import"), "{}", asset.name);
        }
        assert!(!std::str::from_utf8(icon.bytes).unwrap().contains("<script"));
    }
}
