extension ServerServices {
    /// All routes of the server.
    var groups: [any RouteGroup] {
        [StatusRoutes(services: self), EventRoutes(services: self)]
    }
}
