internal import Synchronization

/// The tenant whose key a request came with, as soon as that is known: written down inside of the middleware that logs requests.
final class RecognizedTenant: Sendable {
    private let owner = Mutex<String?>(nil)

    /// What the tenant is called; nil as long as no key was recognized.
    var name: String? {
        get { owner.withLock { $0 } }
        set { owner.withLock { $0 = newValue } }
    }
}
