extension ServerServices {
    /// All routes of the server.
    var groups: [any RouteGroup] {
        [
            StatusRoutes(services: self), IngestRoutes(services: self), InvokeRoutes(services: self),
            RegisterRoutes(services: self),
        ] + apiGroups
    }
}
