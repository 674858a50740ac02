//! Which commit a release says that it is built from: that of its sources, whatever lies around them.

use std::path::Path;
use std::process::Command;

#[expect(
    dead_code,
    clippy::print_stdout,
    reason = "cargo calls the rest, and listens"
)]
#[path = "../build.rs"]
mod build;

fn git(folder: &Path, words: &[&str]) {
    let name = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(name).args(words);
    let output = command
        .output()
        .expect("git runs, these sources are kept in it");
    assert!(output.status.success(), "git {words:?}: {output:?}");
}

fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("build.rs"), "fn main() {}\n").expect("a file");
    git(folder.path(), &["init", "--quiet"]);
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "--quiet", "--message", "Begin"]);
    folder
}

#[test]
fn a_release_is_built_from_its_commit_and_says_if_files_were_changed() {
    let folder = repository();
    let clean = build::commit_of(folder.path()).expect("it is in git");
    assert!(
        clean.len() == 12 && clean.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{clean}"
    );
    std::fs::write(folder.path().join("notes"), "not tracked").expect("a file");
    assert_eq!(build::commit_of(folder.path()), Some(clean.clone()));
    std::fs::write(folder.path().join("build.rs"), "fn main() { }\n").expect("a file");
    assert_eq!(
        build::commit_of(folder.path()),
        Some(format!("{clean}-dirty"))
    );
}

#[test]
fn a_tarball_is_of_no_known_commit_not_even_inside_a_strange_repository() {
    let nowhere = tempfile::tempdir().expect("a folder");
    assert_eq!(build::commit_of(nowhere.path()), None);
    let strange = repository();
    let unpacked = strange.path().join("waymark-0.1.0");
    std::fs::create_dir(&unpacked).expect("a folder");
    std::fs::write(unpacked.join("build.rs"), "fn main() {}\n").expect("a file");
    assert_eq!(build::commit_of(&unpacked), None);
}
