import Nightjar

extension Tenant.State {
    var color: Style.Color {
        switch self {
        case .active: .green
        case .suspending, .resuming: .yellow
        case .suspended: .yellow
        case .deleting, .deleted: .red
        }
    }
}

extension TenantProgress {
    /// In a few words.
    func text(_ verb: String) -> String {
        let waits =
            transactions > 0
            ? "; \(transactions) open \(transactions == 1 ? "transaction" : "transactions") to wait for" : ""
        return "\(stage.map { "\($0): " } ?? "")\(rows) \(verb)\(waits)"
    }
}

extension TenantLimits {
    /// Those that there are, in words.
    var texts: [String] {
        [
            liveRuns.map { "\($0) unfinished runs" }, eventsPerSecond.map { "\($0) events a second" },
            eventBytes.map { "\($0) bytes an event" }, outputBytes.map { "\($0) bytes an output" },
            executing.map { "\($0) executing runs" },
        ].compactMap { $0 }
    }
}

extension Tenant {
    var json: JSON {
        let number = { (value: Int?) -> JSON in value.map { .integer(Int64($0)) } ?? .null }
        return [
            "id": .integer(Int64(id)), "name": .string(name), "state": .string(state.rawValue),
            "reason": JSON(text: reason), "max_live_runs": number(limits.liveRuns),
            "max_events_per_second": number(limits.eventsPerSecond), "max_event_bytes": number(limits.eventBytes),
            "max_output_bytes": number(limits.outputBytes), "max_executing": number(limits.executing),
            "created_at": JSON(time: createdAt),
            "changed_at": JSON(time: changedAt), "live_runs": number(liveRuns), "apps": number(apps),
            "roles": .array(roles.map { .string($0) }),
        ]
    }

    /// For people.
    func lines(_ style: Style) -> [String] {
        var lines = [
            "\(style.paint(PlainText.line(name), .bold))  \(style.paint(state.rawValue, state.color))",
            Field.line("number", "\(id)", style),
        ]
        if let reason { lines.append(Field.line("reason", reason, style)) }
        lines.append(Field.line("made", Timestamp.text(of: createdAt), style))
        lines.append(Field.line("has", "\(apps) apps, \(liveRuns) unfinished runs", style))
        lines.append(
            Field.line("may have", limits.texts.isEmpty ? "no limit" : limits.texts.joined(separator: ", "), style))
        if !roles.isEmpty { lines.append(Field.line("roles", roles.joined(separator: ", "), style)) }
        switch state {
        case .suspending: lines.append("The suspension is not complete: nightjar tenant suspend \(id)")
        case .resuming: lines.append("The resumption is not complete: nightjar tenant resume \(id)")
        case .deleting: lines.append("The deletion is not complete: nightjar tenant delete \(id)")
        case .active, .suspended, .deleted: break
        }
        return lines
    }
}

/// Tenants, a line each.
enum TenantTable {
    static func make(_ tenants: [Tenant]) -> Table {
        var table = Table(
            .init("NUMBER", .right), .init("NAME", limit: 40), "STATE", .init("APPS", .right),
            .init("UNFINISHED", .right), "LIMITS")
        for tenant in tenants {
            table.rows.append([
                "\(tenant.id)", .init(tenant.name), .init(tenant.state.rawValue, tenant.state.color), "\(tenant.apps)",
                "\(tenant.liveRuns)", .init(tenant.limits.texts.joined(separator: ", ")),
            ])
        }
        return table
    }
}
