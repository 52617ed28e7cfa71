import Foundation
import Testing

@testable import NightjarCore

@Suite("Key paths as JSON paths")
struct FieldPathProbeTests {
    enum Plain: String, Codable { case red, green, blue }
    enum Listed: String, Codable, CaseIterable { case small, large }
    enum Numbered: Int, Codable { case ten = 10, eleven }
    enum Single: String, Codable { case only }

    struct Everything: Codable, Equatable {
        enum CodingKeys: String, CodingKey {
            case postID = "post_id"
            case author, tag, uuid, date, url, plain, listed, numbered, single, count, ratio, flag, list, map, price
            case optionalAuthor = "optional-author"
        }
        struct Author: Codable, Equatable {
            var id: String
            var name: String?
        }
        var postID: String
        var author: Author
        var optionalAuthor: Author?
        var tag: String?
        var uuid: UUID
        var date: Date
        var url: URL
        var plain: Plain
        var listed: Listed
        var numbered: Numbered?
        var single: Single
        var count: Int64
        var ratio: Double
        var flag: Bool
        var list: [String]
        var map: [String: Int]
        var price: Decimal
        var computed: String { postID + author.id }
    }

    @Test("fields of all kinds are found under their coding keys")
    func found() throws {
        func text<Value: Equatable>(_ keyPath: KeyPath<Everything, Value>) throws -> String {
            try FieldPathProbe.path(of: keyPath).text
        }

        #expect(try text(\.postID) == "data.post_id")
        #expect(try text(\.author.id) == "data.author.id")
        #expect(try text(\.author.name) == "data.author.name")
        #expect(try text(\.optionalAuthor?.id) == #"data["optional-author"].id"#)
        #expect(try text(\.tag) == "data.tag")
        #expect(try text(\.uuid) == "data.uuid")
        #expect(try text(\.date) == "data.date")
        #expect(try text(\.url) == "data.url")
        #expect(try text(\.plain) == "data.plain")
        #expect(try text(\.listed) == "data.listed")
        #expect(try text(\.numbered) == "data.numbered")
        #expect(try text(\.count) == "data.count")
        #expect(try text(\.ratio) == "data.ratio")
        #expect(try text(\.flag) == "data.flag")
        #expect(try text(\.price) == "data.price")
    }

    @Test("a type that contains itself is no problem")
    func recursive() throws {
        final class Node: Codable {
            var id: String
            var next: Node?
        }
        #expect(try FieldPathProbe.path(of: \Node.id).text == "data.id")
    }

    @Test("what is no single field is reported with the remedy")
    func notFound() throws {
        struct Validated: Codable {
            struct Mail: Codable, Equatable {
                var text: String
                init(from decoder: any Decoder) throws {
                    text = try decoder.singleValueContainer().decode(String.self)
                    guard text.contains("@") else {
                        throw DecodingError.dataCorrupted(
                            .init(codingPath: decoder.codingPath, debugDescription: "no @"))
                    }
                }
            }
            var mail: Mail
        }
        func reason<Root: Decodable, Value: Equatable>(_ keyPath: KeyPath<Root, Value>) throws -> String {
            try "\(#require(throws: (any Error).self) { try FieldPathProbe.path(of: keyPath) })"
        }

        for text in [
            try reason(\Everything.list), try reason(\Everything.map), try reason(\Everything.postID.count),
            try reason(\Everything.author), try reason(\Everything.computed), try reason(\Everything.single),
            try reason(\Validated.mail),
        ] {
            #expect(text.contains("match: \"data."), "\(text)")
        }
        #expect(try reason(\Everything.computed).contains("data.post_id, data.author.id"))
        #expect(try reason(\Validated.mail).contains("no @"))
    }
}
