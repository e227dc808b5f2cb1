//! One datagram to a Unix socket: how a service tells its manager that it is ready.

/// Sends `message` to the datagram socket at `path`, or with a leading `@` of that abstract name (Linux).
#[cfg(unix)]
pub fn send(path: &str, message: &[u8]) -> std::io::Result<()> {
    use std::os::unix::net::UnixDatagram;
    let socket = UnixDatagram::unbound()?;
    // A manager that does not read must not hold up the traffic.
    socket.set_nonblocking(true)?;
    let sent = match path.strip_prefix('@') {
        Some(name) => socket.send_to_addr(message, &abstract_address(name)?)?,
        None => socket.send_to(message, path)?,
    };
    debug_assert_eq!(sent, message.len());
    Ok(())
}

#[cfg(target_os = "linux")]
fn abstract_address(name: &str) -> std::io::Result<std::os::unix::net::SocketAddr> {
    use std::os::linux::net::SocketAddrExt;
    std::os::unix::net::SocketAddr::from_abstract_name(name)
}

#[cfg(all(unix, not(target_os = "linux")))]
fn abstract_address(_name: &str) -> std::io::Result<std::os::unix::net::SocketAddr> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(not(unix))]
pub fn send(_path: &str, _message: &[u8]) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, unix))]
mod tests {
    use super::send;
    use std::os::unix::net::UnixDatagram;

    #[test]
    fn reaches_a_socket_by_its_path() {
        let path = std::env::temp_dir().join(format!("weir-notify-{}", std::process::id()));
        let receiver = UnixDatagram::bind(&path).unwrap();
        send(path.to_str().unwrap(), b"READY=1\n").unwrap();
        let mut buffer = [0; 64];
        let length = receiver.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"READY=1\n");
        drop(receiver);
        assert!(send(path.to_str().unwrap(), b"READY=1\n").is_err());
        std::fs::remove_file(&path).unwrap();
        assert!(send(path.to_str().unwrap(), b"READY=1\n").is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn reaches_a_socket_by_its_abstract_name() {
        let name = format!("weir-notify-{}", std::process::id());
        let receiver = UnixDatagram::bind_addr(&super::abstract_address(&name).unwrap()).unwrap();
        send(&format!("@{name}"), b"STOPPING=1").unwrap();
        let mut buffer = [0; 64];
        let length = receiver.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"STOPPING=1");
    }
}
