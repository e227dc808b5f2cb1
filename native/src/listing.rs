//! What is in a directory, sorted: the archive of a month has thousands of names, which JavaScript would handle one by one.

use std::fs;
use std::io;
use std::path::Path;

/// Names in a directory but those that begin with a dot, in order. What is no directory counts as a file; a link back to
/// one of the directories above it is neither.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Listing {
    pub files: Vec<String>,
    pub directories: Vec<String>,
}

/// None when there is no such directory.
pub fn list(directory: &Path) -> io::Result<Option<Listing>> {
    let entries = match fs::read_dir(directory) {
        Err(cause) if matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None)
        }
        entries => entries?,
    };
    let mut listing = Listing::default();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().into_string();
        let name = name.unwrap_or_else(|name| name.to_string_lossy().into_owned());
        if name.starts_with('.') {
            continue;
        }
        let kind = entry.file_type()?;
        let is_link = kind.is_symlink() && entry.path().is_dir();
        if is_link && leads_back(directory, &entry.path()) {
            continue;
        }
        let is_directory = kind.is_dir() || is_link;
        let names = if is_directory {
            &mut listing.directories
        } else {
            &mut listing.files
        };
        names.push(name);
    }
    listing.files.sort_unstable();
    listing.directories.sort_unstable();
    Ok(Some(listing))
}

/// Whether a link in a directory leads to that or to one on the way to it: whoever followed it would find every file
/// again and again.
fn leads_back(directory: &Path, link: &Path) -> bool {
    let Ok(target) = link.canonicalize() else { return false };
    directory
        .ancestors()
        .map(|above| {
            if above.as_os_str().is_empty() {
                Path::new(".")
            } else {
                above
            }
        })
        .any(|above| above.canonicalize().is_ok_and(|above| above == target))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::file::tests::Scratch;
    use std::os::unix::fs::symlink;

    #[test]
    fn lists_what_may_be_looked_at() {
        let scratch = Scratch::new();
        let at = |name: &str| scratch.0.join(name);
        for name in ["b", "a", ".hidden"] {
            fs::write(at(name), b"").unwrap();
        }
        fs::create_dir(at("d")).unwrap();
        symlink(at("d"), at("c")).unwrap();
        symlink(at("a"), at("l")).unwrap();
        symlink(at("nowhere"), at("m")).unwrap();
        let listing = list(&scratch.0).unwrap().unwrap();
        assert_eq!(listing.files, ["a", "b", "l", "m"]);
        assert_eq!(listing.directories, ["c", "d"]);
        assert_eq!(list(&at("nowhere")).unwrap(), None);
        assert_eq!(list(&at("a")).unwrap(), None);
    }

    #[test]
    fn links_in_circles_are_not_followed() {
        let scratch = Scratch::new();
        let at = |name: &str| scratch.0.join(name);
        for name in ["x", "y"] {
            fs::create_dir(at(name)).unwrap();
        }
        symlink(".", at("latest")).unwrap();
        symlink(&scratch.0, at("x/top")).unwrap();
        symlink(at("y"), at("x/y")).unwrap();
        symlink(at("x"), at("y/x")).unwrap();
        let directories = |name: &str| list(&at(name)).unwrap().unwrap().directories;
        assert_eq!(directories(""), ["x", "y"]);
        assert_eq!(directories("x"), ["y"]);
        // There and back again.
        assert_eq!(directories("x/y"), [""; 0]);
        assert_eq!(directories("y"), ["x"]);
    }
}
