//! Subjects, permissions and effects: tokens that have been read from literal claims, decided on a store
//! that is a map.

mod effects;
mod identity;
mod permissions;
mod subjects;
mod world;
