package import Foundation
package import NightjarCore

/// A function of a remote app, as its app registered it.
package struct RemoteFunction: Sendable, Hashable {
    /// The number under which runs name it.
    package var id: Int32
    /// The UUID under which its app knows it.
    package var uuid: UUID
    /// `<app>-<function>`, as the app writes it.
    package var slug: String
    /// Its id within its app.
    package var name: String
    /// Its name for people.
    package var title: String
    /// Where it is called; a query of its own is kept.
    package var url: String
    /// Of its options the retries and the time limits count.
    package var options: FunctionOptions
    package var isArchived: Bool

    package init(
        id: Int32, uuid: UUID, slug: String, name: String, title: String, url: String, options: FunctionOptions,
        isArchived: Bool = false
    ) {
        self.id = id
        self.uuid = uuid
        self.slug = slug
        self.name = name
        self.title = title
        self.url = url
        self.options = options
        self.isArchived = isArchived
    }
}

/// An app that is called over HTTP.
package struct RemoteApp: Sendable, Hashable {
    /// Its number, and that of its queue.
    package var id: Int32
    package var tenant: Int32
    /// Whether that is the tenant of the worker's connections.
    package var isOwn = true
    /// Whether its tenant has a signing key of its own.
    package var hasKey = false
    package var name: String
    package var url: String
    /// What it says it is, such as `py:v0.5.19`.
    package var sdk: String
    package var functions: [RemoteFunction]

    package init(id: Int32, tenant: Int32, name: String, url: String, sdk: String, functions: [RemoteFunction]) {
        self.id = id
        self.tenant = tenant
        self.name = name
        self.url = url
        self.sdk = sdk
        self.functions = functions
    }
}
