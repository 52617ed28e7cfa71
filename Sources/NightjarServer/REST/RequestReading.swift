internal import Foundation
internal import Hummingbird
internal import NIOCore
internal import Nightjar
internal import NightjarCore

extension Request {
    /// The body as a JSON object.
    func object() async throws -> [String: JSON] {
        guard let object = try await json().object else {
            throw RequestFailure(.badRequest, "invalid_request", "the body must be a JSON object")
        }
        return object
    }

    /// The body as a JSON object; an empty one where there is no body.
    func optionalObject() async throws -> [String: JSON] {
        let buffer = try await body.collect(upTo: .max)
        guard buffer.readableBytes > 0 else { return [:] }
        var request = self
        request.body = RequestBody(buffer: buffer)
        return try await request.object()
    }

    /// The body as JSON.
    func json() async throws -> JSON {
        try JSONBody.value(try await body.collect(upTo: .max))
    }

    /// The body as a JSON object, with its values as they were written.
    func document() async throws -> JSONValue {
        let buffer = try await body.collect(upTo: .max)
        _ = try JSONBody.value(buffer)
        guard let value = try? JSONTree(Array(buffer: buffer)).value, value.members != nil else {
            throw RequestFailure(.badRequest, "invalid_request", "the body must be a JSON object")
        }
        return value
    }

    /// A query parameter; nil when it is missing or empty.
    func query(_ name: String) -> String? {
        uri.queryParameters[Substring(name)].flatMap { $0.isEmpty ? nil : String($0) }
    }

    /// A query parameter that may stand there several times, or once with commas between its values.
    func queries(_ name: String) -> [String] {
        (uri.queryParameters[values: Substring(name)] + uri.queryParameters[values: Substring(name + "[]")])
            .flatMap { $0.split(separator: ",") }.map(String.init)
    }

    /// A query parameter that is a date and time.
    func date(_ name: String) throws -> Date? {
        guard let text = query(name) else { return nil }
        return try Self.date(text, name)
    }

    /// Reads a date and time.
    static func date(_ text: String, _ name: String) throws -> Date {
        // A plus sign in a query that was not encoded arrives as a space.
        guard let date = ISO8601.date(from: text.replacing(/\ (\d\d:\d\d)$/) { "+\($0.1)" }) else {
            throw RequestFailure(
                .badRequest, "invalid_field_format",
                "\(name) must be a date and time such as 2026-09-01T00:00:00Z, not \"\(text)\"")
        }
        return date
    }

    /// The parameter `limit`.
    func limit(_ range: ClosedRange<Int>, default standard: Int = 20) throws -> Int {
        guard let text = query("limit") else { return standard }
        guard let limit = Int(text), range.contains(limit) else {
            throw RequestFailure(
                .badRequest, "invalid_field_format",
                "limit must be a whole number from \(range.lowerBound) to \(range.upperBound), not \"\(text)\"")
        }
        return limit
    }

    /// The parameter `cursor`: the id after which a list goes on.
    func cursor() throws -> UUID? {
        guard let text = query("cursor") else { return nil }
        guard let id = ULID.id(text) else {
            throw RequestFailure(
                .badRequest, "invalid_field_format", "cursor must be what a page before gave, not \"\(text)\"")
        }
        return id
    }

    /// A query parameter that is true or false.
    func flag(_ name: String) throws -> Bool {
        switch query(name)?.lowercased() {
        case nil, "false", "0": return false
        case "true", "1": return true
        case .some(let text):
            throw RequestFailure(.badRequest, "invalid_field_format", "\(name) must be true or false, not \"\(text)\"")
        }
    }
}

extension ServerContext {
    /// The id in the path: a ULID; a UUID as well.
    func id(of what: String) throws -> UUID {
        let text = parameters.get("id") ?? ""
        guard let id = ULID.id(text) else {
            throw RequestFailure(
                .badRequest, "invalid_field_format", "\"\(text)\" is no id of a \(what): it has to be a ULID")
        }
        return id
    }
}

extension [String: JSON] {
    /// A member that is a text; nil when it is missing, null or empty.
    func text(_ name: String) throws -> String? {
        switch self[name] {
        case nil, .null: return nil
        case .string(let text): return text.isEmpty ? nil : text
        default: throw RequestFailure(.badRequest, "invalid_field_format", "\(name) must be a string")
        }
    }

    /// A member that is a text and has to be there.
    func requiredText(_ name: String) throws -> String {
        guard let text = try text(name) else {
            throw RequestFailure(.badRequest, "missing_field", "\(name) is missing")
        }
        return text
    }

    /// A member that is a date and time.
    func date(_ name: String) throws -> Date? {
        try text(name).map { try Request.date($0, name) }
    }
}
