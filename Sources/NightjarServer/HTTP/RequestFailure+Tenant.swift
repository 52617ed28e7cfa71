internal import Hummingbird
internal import Nightjar

extension RequestFailure {
    /// What an error about the tenant of a request means to whoever made it; nil: it is not about that.
    init?(ofTenant error: NightjarError) {
        switch error.code {
        case .tenantSuspended: self.init(.forbidden, "tenant_suspended", error.message)
        case .tenantDeleted: self.init(.forbidden, "tenant_deleted", error.message)
        case .limitReached:
            self.init(.tooManyRequests, "limit_reached", error.message, headers: [.retryAfter: "1"])
        case .tooLarge: self.init(.contentTooLarge, "too_large", error.message)
        default: return nil
        }
    }
}
