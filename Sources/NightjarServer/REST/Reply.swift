internal import Foundation
internal import Hummingbird

/// The envelopes of the REST API.
enum Reply {
    /// Where a list goes on.
    struct Page: Sendable {
        /// What to ask for next; nil at the end.
        var cursor: String?
        var limit: Int
    }

    /// Version 1: `{"data", "metadata": {"fetched_at", "cached_until"}}`, and `page` for lists that go on.
    static func data(_ value: ReplyValue, page: Page? = nil, status: HTTPResponse.Status = .ok) -> Response {
        var body: ReplyValue = ["data": value, "metadata": ["fetched_at": .date(Date()), "cached_until": nil]]
        if let page {
            body.add(
                "page",
                [
                    "cursor": .orNull(page.cursor) { .string($0) }, "has_more": .bool(page.cursor != nil),
                    "limit": .integer(Int64(page.limit)),
                ])
        }
        return .json(text: body.text, status: status)
    }

    /// Version 2: the same in camel case; no cursor is no member.
    static func v2(_ value: ReplyValue, page: Page? = nil, status: HTTPResponse.Status = .ok) -> Response {
        var body: ReplyValue = ["data": value, "metadata": ["fetchedAt": .date(Date())]]
        if let page {
            var object: ReplyValue = [:]
            object.add("cursor", page.cursor.map { .string($0) })
            object.add("hasMore", .bool(page.cursor != nil))
            object.add("limit", .integer(Int64(page.limit)))
            body.add("page", object)
        }
        return .json(text: body.text, status: status)
    }
}
