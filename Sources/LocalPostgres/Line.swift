import Foundation
import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Our end of a connection to a child process, which sees its end when we are gone.
///
/// A pair of sockets rather than a pipe, because writing to a socket whose reader has gone need not raise SIGPIPE.
final class Line: Sendable {
    private let descriptor: Mutex<Int32?>

    private init(_ descriptor: Int32) {
        self.descriptor = Mutex(descriptor)
    }

    deinit {
        close()
    }

    /// - Returns: Our end and the child's; neither is inherited by other children.
    static func make() throws -> (Line, FileHandle) {
        var ends: [Int32] = [-1, -1]
        #if canImport(Darwin)
            let kind = SOCK_STREAM
        #elseif canImport(Glibc)
            let kind = Int32(SOCK_STREAM.rawValue)
        #else
            let kind = SOCK_STREAM
        #endif
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            throw LocalPostgresError(.startFailed, "no socket pair: \(String(cString: strerror(errno)))")
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        #if canImport(Darwin)
            var on: Int32 = 1
            setsockopt(ends[0], SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
        #endif
        return (Line(ends[0]), FileHandle(fileDescriptor: ends[1], closeOnDealloc: true))
    }

    /// Sends text if anybody still listens.
    func send(_ text: String) {
        #if canImport(Darwin)
            let flags: Int32 = 0
        #else
            let flags = Int32(MSG_NOSIGNAL)
        #endif
        descriptor.withLock { descriptor in
            guard let descriptor else { return }
            let bytes = Array(text.utf8)
            _ = bytes.withUnsafeBytes { systemSend(descriptor, $0.baseAddress, $0.count, flags) }
        }
    }

    func close() {
        descriptor.withLock { descriptor in
            if let open = descriptor { _ = systemClose(open) }
            descriptor = nil
        }
    }
}

/// Inside the class the names of the system's functions mean its own methods.
private let systemClose: @Sendable (Int32) -> Int32 = { close($0) }
private let systemSend: @Sendable (Int32, UnsafeRawPointer?, Int, Int32) -> Int = { send($0, $1, $2, $3) }
