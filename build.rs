//! Tells the program which commit it is built from, for `--version` and the metric `waymark_build_info`.
//!
//! Whoever builds may say so (`WAYMARK_COMMIT`), as a container build does, which has no history. Else a release asks git,
//! and adds `-dirty` where tracked files were changed. A build from a tarball, or without git, says `unknown`; so does a
//! debug build, which would otherwise be made anew after each commit.

use std::path::Path;
use std::process::Command;

#[expect(
    clippy::disallowed_methods,
    reason = "this is how cargo talks to a build script"
)]
fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let told = std::env::var("WAYMARK_COMMIT").ok();
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    println!("cargo::rerun-if-env-changed=WAYMARK_COMMIT");
    println!("cargo::rerun-if-changed=build.rs");
    if is_release {
        // Whatever is compiled in, and what git keeps of commits and of staged changes.
        for path in [
            "src",
            "engine",
            "schemas",
            "deploy",
            "Cargo.toml",
            "Cargo.lock",
        ] {
            println!("cargo::rerun-if-changed={path}");
        }
        for path in ["logs/HEAD", "index"] {
            let found = git(folder, &["rev-parse", "--git-path", path]);
            if let Some(path) = found.filter(|path| folder.join(path).exists()) {
                println!("cargo::rerun-if-changed={path}");
            }
        }
    }
    let commit = told
        .filter(|commit| is_name(commit))
        .or_else(|| is_release.then(|| commit_of(folder)).flatten());
    println!(
        "cargo::rustc-env=WAYMARK_BUILD_COMMIT={}",
        commit.as_deref().unwrap_or("unknown")
    );
}

/// Returns the commit that a folder of sources stands at; none if git does not know the folder.
pub(crate) fn commit_of(folder: &Path) -> Option<String> {
    // A tarball may be unpacked inside a repository of somebody else's, which tells nothing of it.
    git(folder, &["ls-files", "--error-unmatch", "build.rs"])?;
    let commit = git(folder, &["rev-parse", "--short=12", "HEAD"])?;
    let changes = git(folder, &["status", "--porcelain", "--untracked-files=no"])?;
    let dirty = if changes.is_empty() { "" } else { "-dirty" };
    Some(format!("{commit}{dirty}"))
}

/// Whether this could name a commit: it goes to logs and labels as it is.
fn is_name(commit: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._+".contains(&byte);
    !commit.is_empty() && commit.len() <= 64 && commit.bytes().all(is_part)
}

fn git(folder: &Path, words: &[&str]) -> Option<String> {
    // The index is watched: a question must not write it.
    let asked = Command::new("git")
        .args(["--no-optional-locks", "-C"])
        .arg(folder)
        .args(words)
        .output();
    let answer = asked.ok().filter(|answer| answer.status.success())?;
    let text = String::from_utf8(answer.stdout).ok()?;
    Some(text.trim().to_owned())
}
