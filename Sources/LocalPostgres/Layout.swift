import Foundation

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Where the files of a server are.
struct Layout: Sendable {
    let root: URL
    let data: DataDirectory
    let log: URL
    let socket: URL
    /// 0 when none was free.
    let port: Int
    /// What is removed when the server is stopped for good.
    let temporary: URL?

    init(_ options: LocalPostgres.Options, user: ServerUser?) {
        // A short name in any case: the path of a socket has at most 103 bytes on some systems.
        let short = Self.temporaryParent(user).appending(path: "pg-\(UUID().uuidString.prefix(8))")
        root = options.directory?.absoluteURL ?? short
        data = DataDirectory(url: root.appending(path: "data", directoryHint: .isDirectory))
        log = root.appending(path: "server.log")
        port = options.loopbackPort.map { $0 == 0 ? Self.freePort() ?? 0 : $0 } ?? 5432
        let ownSocket = root.appending(path: "socket", directoryHint: .isDirectory)
        let longest = ownSocket.path(percentEncoded: false).utf8.count + "/.s.PGSQL.65535.lock".utf8.count
        let fits = longest <= 103
        socket = fits ? ownSocket : short
        temporary = options.directory == nil ? root : (fits ? nil : short)
    }

    func removeTemporaryFiles() {
        if let temporary { try? FileManager.default.removeItem(at: temporary) }
    }

    /// The end of the server's log.
    var logTail: String {
        let text = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").suffix(15).joined(separator: "\n")
    }

    private static func temporaryParent(_ user: ServerUser?) -> URL {
        let preferred = FileManager.default.temporaryDirectory
        let isUsable = user?.closedAncestor(of: preferred.appending(path: "x")) == nil
        return isUsable && preferred.path().utf8.count < 60 ? preferred : URL(filePath: "/tmp")
    }

    /// A port that nobody uses at the moment.
    private static func freePort() -> Int? {
        #if canImport(Glibc)
            let descriptor = socketDescriptor(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            let descriptor = socketDescriptor(AF_INET, SOCK_STREAM, 0)
        #endif
        defer { _ = close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 ? getsockname(descriptor, address, &length) : -1
            }
        }
        guard status == 0 else { return nil }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}

/// Inside the type the name `socket` means its property.
private let socketDescriptor: @Sendable (Int32, Int32, Int32) -> Int32 = { socket($0, $1, $2) }
