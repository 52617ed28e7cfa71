import LocalPostgres
import Nightjar
import NightjarServer

/// What `nightjar dev` says once everything is ready.
struct DevReport {
    /// The server that was started; nil when a database was named.
    var server: DevelopmentServer?
    var database: PostgresConfiguration
    /// Who named the database, or where the server is.
    var origin: String
    var applied: [Migration]
    /// Nil when no HTTP is served.
    var http: ServeReport?

    func write(asJSON: Bool) throws {
        if asJSON { try Output.json(json) } else { Output.lines(lines(style: Output.style)) }
    }

    private var json: JSON {
        [
            "state": "ready",
            "url": server.map { .string($0.url) } ?? .null,
            "directory": server.map { .string($0.directory.path) } ?? .null,
            "server_process_id": server?.processID.map { .integer(Int64($0)) } ?? .null,
            "http": http.map { .string($0.url) } ?? .null,
            "applied": .array(applied.map { .integer(Int64($0.version)) }),
        ]
    }

    private func lines(style: Style) -> [String] {
        let label = { (text: String) in style.paint(text.padding(to: 12), .dim) }
        var lines = [style.paint("Nightjar is ready.", .green), ""]
        if let server {
            let version = (try? PostgresInstallation.find().version()).map { " \($0)" } ?? ""
            lines.append("\(label("PostgreSQL"))started\(version), \(server.isNew ? "new" : "kept") in \(origin)")
        } else {
            lines.append("\(label("PostgreSQL"))\(database), from \(origin)")
        }
        let names = applied.map { "\($0.version) \($0.name)" }.joined(separator: ", ")
        lines.append("\(label("Schema"))" + (applied.isEmpty ? "up to date" : "applied \(names)"))
        if let http {
            let mode = http.configuration.kind == .dev ? "dev mode: no keys, this machine only" : "keys are required"
            lines.append("\(label("HTTP"))\(http.url) (\(mode))")
        }
        if let server {
            lines += [
                "\(label("URL"))\(server.url)", "\(label("psql"))psql '\(server.url)'", "",
                "Other nightjar commands find it from here and from all directories below.",
                "Ctrl-C stops it; the data stay.",
            ]
        } else {
            lines += ["", "Ctrl-C ends this command; nothing else depends on it."]
        }
        return lines
    }
}
