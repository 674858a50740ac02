//! The Debian package: built by the script that releases use, installed, upgraded and removed, with its service file.
//!
//! The program in it is the one under test. Installing writes to a copy of the system that is gone with the test (an
//! overlay in a mount namespace of its own), which needs root; elsewhere the package is unpacked. A tool that is missing is
//! told loudly, and with `WAYMARK_TOOLS=required` it is a failure.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use tempfile::TempDir;
use waymark_testkit::policy::tell_skipped;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const UNIT: &str = include_str!("../deploy/debian/waymark.service");

/// The package, built once; `None` where its tools are missing.
fn package() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<(TempDir, PathBuf)>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let tools = format!("{ROOT}/target/tools/bin:{}", path());
        let found = there("cargo-deb", &tools) && there("dpkg", &tools);
        found.then(|| build(&tools))
    });
    built.as_ref().map(|(_, package)| package.as_path())
}

fn build(tools: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let release = folder.path().join("release");
    fs::create_dir(&release).expect("a folder");
    // Without the debug information of a test's build, which would be most of the package.
    must(
        Command::new("strip")
            .arg("-o")
            .arg(release.join("waymark"))
            .arg(env!("CARGO_BIN_EXE_waymark")),
    );
    let package = folder.path().join("waymark.deb");
    let mut script = Command::new(format!("{ROOT}/deploy/debian/build"));
    script.args(["--no-build", "--fast", "--offline", "--output"]);
    script.arg(&package).env("CARGO_TARGET_DIR", folder.path());
    must(script.env("PATH", tools));
    (folder, package)
}

#[test]
fn the_package_is_installed_upgraded_and_removed_and_leaves_nothing() {
    let Some(package) = package() else { return };
    let Some(output) = installed(package) else {
        return unpacked(package);
    };
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    let told: Vec<&str> = out.lines().filter(|line| line.starts_with("# ")).collect();
    assert_eq!(
        told,
        [
            concat!("# installed: waymark ", env!("CARGO_PKG_VERSION")),
            "# settings: deployment lending /etc/waymark/waymark.yaml:6:1",
            "# manual: /usr/share/man/man1/waymark-run.1.gz",
            "# enabled: disabled",
            "# upgraded: deployment: mine",
            "# removed: /etc/waymark/waymark.yaml",
            "# purged: 0 files",
        ],
        "{out}\n{err}"
    );
}

/// Installs the package in a copy of this system and removes it again; none if there can be no such copy.
fn installed(package: &Path) -> Option<Output> {
    if !there("systemctl", &path()) {
        return None;
    }
    let unshare = |words: &[&str]| {
        let mut command = Command::new("unshare");
        command.arg("--mount").args(words);
        command.env_clear().env("PATH", path());
        command
    };
    let folder = tempfile::tempdir().expect("a folder");
    let mut copy = unshare(&["bash", "-euc", SYSTEM, "system"]);
    copy.arg(folder.path()).arg(package);
    let tried = unshare(&["true"]).output();
    let may = tried.is_ok_and(|output| output.status.success());
    let output = may.then(|| copy.output().expect("it has just run"));
    let output = output.filter(|output| output.status.code() != Some(NO_OVERLAY));
    if output.is_none() {
        skip(
            "no copy of this system can be made (root, and an overlay): the package is unpacked, not installed",
        );
    }
    output
}

const NO_OVERLAY: i32 = 77;

/// Runs in a mount namespace of its own, with a folder and the package as arguments.
const SYSTEM: &str = r##"
mount -t tmpfs tmpfs "$1" || exit 77
mkdir "$1"/{up,work,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/up,workdir=$1/work" "$1/root" || exit 77
mount --bind /proc "$1/root/proc"
cp "$2" "$1/root/waymark.deb"
exec chroot "$1/root" bash -euc '
    export DEBIAN_FRONTEND=noninteractive
    dpkg --force-depends --install /waymark.deb
    echo "# installed: $(waymark --version | head -1)"
    echo "# settings:" $(waymark config --config /etc/waymark/waymark.yaml | grep " deployment ")
    echo "# manual: $(ls /usr/share/man/man1/waymark-run.1.gz)"
    echo "# enabled: $(systemctl is-enabled waymark || true)"
    echo "deployment: mine" >/etc/waymark/waymark.yaml
    dpkg --force-depends --force-confold --install /waymark.deb
    echo "# upgraded: $(cat /etc/waymark/waymark.yaml)"
    dpkg --remove waymark
    echo "# removed: $(ls /etc/waymark/*)"
    dpkg --purge waymark
    echo "# purged: $(find /etc /usr /lib /var/lib/systemd -name "*waymark*" | wc -l) files"
'
"##;

/// What can be said without installing: the files run from where they were unpacked.
fn unpacked(package: &Path) {
    let folder = tempfile::tempdir().expect("a folder");
    must(
        Command::new("dpkg")
            .arg("-x")
            .arg(package)
            .arg(folder.path()),
    );
    let waymark = folder.path().join("usr/bin/waymark");
    let mode = fs::metadata(&waymark)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o755);
    let version = must(Command::new(&waymark).arg("--version"));
    let expected = concat!("waymark ", env!("CARGO_PKG_VERSION"), "\n");
    assert!(version.starts_with(expected), "{version}");
    let settings = folder.path().join("etc/waymark/waymark.yaml");
    must(
        Command::new(&waymark)
            .env_clear()
            .args(["config", "--config"])
            .arg(settings),
    );
}

#[test]
fn the_service_is_sound_and_kept_in() {
    if !there("systemd-analyze", &path()) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let unit = folder.path().join("waymark.service");
    // It looks for the program, which is not installed here.
    let here = UNIT.replace("/usr/bin/waymark", env!("CARGO_BIN_EXE_waymark"));
    fs::write(&unit, here).expect("a file");
    must(
        Command::new("systemd-analyze")
            .args(["verify", "--man=no"])
            .arg(&unit),
    );
    let mut look = Command::new("systemd-analyze");
    look.args(["security", "--offline=yes", "--threshold=15", "--no-pager"]);
    must(look.arg(&unit)); // 1.5 of 10; what stays is that it may speak with any address
}

#[test]
fn a_wrong_setting_ends_the_service_before_any_server_is_asked_and_for_good() {
    let line = |name: &str| UNIT.lines().find_map(|line| line.strip_prefix(name));
    let start = line("ExecStart=").expect("it starts something");
    let final_codes = line("RestartPreventExitStatus=").expect("some codes are final");
    let folder = tempfile::tempdir().expect("a folder");
    let settings = folder.path().join("waymark.yaml");
    fs::write(&settings, "deployment: lending\nkafka: { acks: 1 }\n").expect("a file");
    let settings = settings.to_str().expect("UTF-8");
    let start = start.replace("/etc/waymark/waymark.yaml", settings);
    let mut words = start.split(' ');
    assert_eq!(words.next(), Some("/usr/bin/waymark"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_waymark"));
    let output = command
        .env_clear()
        .args(words)
        .output()
        .expect("it was built");
    let code = output.status.code().expect("it ends by itself");
    assert!(
        final_codes.split(' ').any(|it| it == code.to_string()),
        "{code}: {output:?}"
    );
    assert!(text(&output.stderr).contains("acks"), "{output:?}");
}

fn must(command: &mut Command) -> String {
    let output: Output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?}: {out}{err}");
    out
}

/// Whether a tool is there; where it must be and is not, the test fails.
fn there(tool: &str, folders: &str) -> bool {
    let found = folders
        .split(':')
        .any(|folder| Path::new(folder).join(tool).exists());
    if !found {
        skip(&format!("there is no {tool}"));
    }
    found
}

fn skip(why: &str) {
    let required = variable("WAYMARK_TOOLS").is_some_and(|word| word == "required");
    assert!(!required, "{why}, and WAYMARK_TOOLS=required");
    tell_skipped(&why);
}

fn path() -> String {
    variable("PATH").unwrap_or_default()
}

#[expect(
    clippy::disallowed_methods,
    reason = "which tools there are is told by the environment"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
