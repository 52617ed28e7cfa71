package import Foundation
internal import PostgresClient

/// What a ``NamedReport`` is asked with.
package struct ReportFilter: Sendable {
    /// From when on; nil: as far back as the report looks by itself.
    package var since: Date?
    package var tenant: String?
    package var app: String?
    package var function: String?
    package var limit: Int

    package init(
        since: Date? = nil, tenant: String? = nil, app: String? = nil, function: String? = nil, limit: Int = 50
    ) {
        self.since = since
        self.tenant = tenant
        self.app = app
        self.function = function
        self.limit = limit
    }

    /// The values of a report's parameters.
    func values(for report: NamedReport, now: Date) -> [any PostgresEncodable] {
        let since = since ?? now.addingTimeInterval(-report.span)
        return report.parameters.map { parameter in
            switch parameter {
            case .grain: Self.grain(of: now.timeIntervalSince(since))
            case .since: since
            case .tenant: tenant
            case .app: app
            case .function: function
            case .limit: limit
            }
        }
    }

    /// So that a table has some dozen rows, and long times read few.
    static func grain(of span: TimeInterval) -> String {
        switch span {
        case ...7_200: "minute"
        case ...259_200: "hour"
        default: "day"
        }
    }
}
