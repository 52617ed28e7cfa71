import Foundation
import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Forwards TCP connections at 127.0.0.1 until it is frozen: then everything stays open and nobody answers any more,
/// as with a machine that has lost its network.
final class FreezableProxy: Sendable {
    let port: Int
    private let target: Int
    private let listener: Int32
    private let state = Mutex((isFrozen: false, sockets: [Int32]()))

    init(target: Int) throws {
        self.target = target
        let listener = Self.makeSocket()
        self.listener = listener
        var address = Self.address(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, length) == 0 && listen(listener, 16) == 0
                    && getsockname(listener, address, &length) == 0
            }
        }
        guard status else { throw POSIXError(.EADDRNOTAVAIL) }
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread { self.acceptAll() }
    }

    func freeze() { state.withLock { $0.isFrozen = true } }

    /// Breaks what was frozen; new connections pass again.
    func thaw() {
        let sockets = state.withLock { state in
            defer { state = (false, []) }
            return state.sockets
        }
        for socket in sockets { shutdown(socket, Int32(SHUT_RDWR)) }
    }

    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        thaw()
    }

    private func acceptAll() {
        while case let client = accept(listener, nil, nil), client >= 0 {
            let server = Self.makeSocket()
            var address = Self.address(port: target)
            let connected = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard connected == 0 else {
                close(client)
                continue
            }
            state.withLock { $0.sockets += [client, server] }
            Thread.detachNewThread { self.forward(from: client, to: server) }
            Thread.detachNewThread { self.forward(from: server, to: client) }
        }
        close(listener)
    }

    private func forward(from source: Int32, to target: Int32) {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        while case let count = read(source, &bytes, bytes.count), count > 0 {
            // What arrives while frozen is swallowed, and acknowledged by the kernel nevertheless.
            if !state.withLock({ $0.isFrozen }) { _ = Self.send(bytes, count, to: target) }
        }
        if !state.withLock({ $0.isFrozen }) { shutdown(target, Int32(SHUT_RDWR)) }
    }

    /// Without SIGPIPE when the other side has gone.
    private static func send(_ bytes: [UInt8], _ count: Int, to target: Int32) -> Int {
        #if canImport(Darwin)
            var on: Int32 = 1
            setsockopt(target, SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
            return write(target, bytes, count)
        #elseif canImport(Glibc)
            return Glibc.send(target, bytes, count, Int32(MSG_NOSIGNAL))
        #else
            return Musl.send(target, bytes, count, Int32(MSG_NOSIGNAL))
        #endif
    }

    private static func makeSocket() -> Int32 {
        #if canImport(Glibc)
            socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            socket(AF_INET, SOCK_STREAM, 0)
        #endif
    }

    private static func address(port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }
}
