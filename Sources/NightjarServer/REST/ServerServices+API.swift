extension ServerServices {
    /// What is asked and done over HTTP, besides events and apps.
    var apiGroups: [any RouteGroup] {
        [
            EventRoutes(services: self), RunRoutes(services: self), CancellationRoutes(services: self),
            SignalRoutes(services: self), FunctionRoutes(services: self), RealtimeRoutes(),
            RunDataRoutes(services: self),
            VersionTwoRoutes(services: self), CheckpointRoutes(services: self), GraphQLRoutes(services: self),
            OpenAPIRoutes(),
        ]
    }
}
