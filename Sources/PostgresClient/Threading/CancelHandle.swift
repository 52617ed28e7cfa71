import CLibPQ

/// What libpq needs to send a cancel request.
///
/// `@unchecked` because `PQcancel` may be called from any thread, and the rest of the object never changes.
final class CancelHandle: @unchecked Sendable {
    private let handle: OpaquePointer

    init?(connection: OpaquePointer) {
        guard let handle = PQgetCancel(connection) else { return nil }
        self.handle = handle
    }

    deinit {
        PQfreeCancel(handle)
    }

    /// Blocks until the server has passed the request on, or cannot be reached.
    func send() {
        var message = [CChar](repeating: 0, count: 256)
        _ = PQcancel(handle, &message, Int32(message.count))
    }
}
