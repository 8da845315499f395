//! The first line on stdout (P-002).

use std::{
    env, fs,
    io::{self, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process,
    time::Duration,
};

use counterfoil_proto::handshake::{Line, SOCKET_DIR};

use super::{complain, connection, wait};

/// Prints the line, as the switch will have it. `line` is that of a plugin in good order.
///
/// # Errors
/// When what the line is to point at cannot be made, or when stdout is closed.
pub(super) fn say(switch: &str, line: Line) -> io::Result<()> {
    let socket = PathBuf::from(&line.address);
    let beside = |name: &str| socket.with_file_name(name);
    let tcp =
        |address: SocketAddr| Line { network: "tcp".into(), address: address.to_string(), ..line.clone() };
    let printed = match switch {
        "no-line" => return Ok(()),
        "exit-before-line" => {
            complain("cannot read my configuration");
            gone(&socket);
        }
        "huge-line" => {
            // What a host reads of it behind the place where it stops looking for an end must not be a flood.
            return print(&b"1".repeat(1 << 19));
        }
        "half-line" | "half-line-exit" => {
            print(b"1|1|unix|/")?;
            if switch == "half-line-exit" {
                gone(&socket);
            }
            return Ok(());
        }
        "binary-line" => {
            let printed = Line { multiplex: Some(String::new()), ..line };
            return print(&[printed.to_string().as_bytes(), b"\xff\xfe\x80\n"].concat());
        }
        "noise-before-line" => {
            return print(format!("Hello! The plugin is on its way.\n{line}\n").as_bytes());
        }
        "empty-line" => return print(format!("\n{line}\n").as_bytes()),
        "three-fields" => return print(b"1|1|unix\n"),
        "wrong-core" => Line { core: "2".into(), ..line },
        "wrong-app" => Line { app: "9".into(), ..line },
        "wrong-network" => Line { network: "udp".into(), ..line },
        "wrong-protocol" => Line { protocol: Some("netrpc".into()), ..line },
        "four-fields" => Line { protocol: None, certificate: None, ..line },
        "address-of-nothing" => Line { address: text(&beside("nothing")), ..line },
        "address-of-a-file" => {
            let file = beside("file");
            fs::write(&file, "no socket")?;
            Line { address: text(&file), ..line }
        }
        "bad-address" => Line { network: "tcp".into(), address: "localhost:many".into(), ..line },
        "address-elsewhere" => tcp((Ipv4Addr::new(192, 0, 2, 1), 9).into()),
        "address-of-another-server" | "address-of-http1-server" => {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let address = listener.local_addr()?;
            connection::serve_another(switch, listener)?;
            tcp(address)
        }
        _ => {
            match switch {
                "line-just-in-time" => wait(Duration::from_millis(700)),
                "line-too-late" => wait(Duration::from_millis(1600)),
                _ => {}
            }
            line
        }
    };
    if switch == "exit-after-line" {
        print(format!("{printed}\n").as_bytes())?;
        gone(&socket);
    }
    print(format!("{printed}\n").as_bytes())
}

/// Where the plugin's socket lies.
pub(super) fn socket() -> PathBuf {
    let dir = env::var_os(SOCKET_DIR).map_or_else(env::temp_dir, PathBuf::from);
    dir.join(format!("hostile-{}", process::id()))
}

/// Exits without a trace but for its code.
fn gone(socket: &Path) -> ! {
    let _ = fs::remove_file(socket);
    process::exit(3)
}

fn print(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
