internal import AsyncHTTPClient
internal import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import Nightjar
internal import NightjarCore

/// Asks an app to register: its answer has its functions in it (in-band), or it sends them by itself (out-of-band).
struct AppSync: Sendable {
    /// Why an app could not be synced.
    struct Failure: Error, CustomStringConvertible {
        var description: String
        /// Whether there was no answer at all.
        var isUnreachable = false
    }

    private static let timeout = TimeAmount.seconds(10)
    private static let answerLimit = 16 << 20

    let registry: AppRegistry
    let kind: ServerKind
    /// Signs what is sent, and verifies what is answered; nil: nothing is signed.
    let keys: @Sendable () async throws -> SigningKeys?

    /// Syncs the app at an address; answers what has changed, or nil when the app registered by itself.
    @discardableResult
    func sync(_ url: String) async throws -> AppRegistry.Outcome? {
        _ = try AppURL.checked(url, field: "url")
        let keys = try await keys()
        let answer = try await put(url, isInBand: true, keys)
        if let functions = try answer.inBand(verifiedBy: keys) {
            do { return try await registry.sync(try AppConfig(functions, sdk: answer.sdk)) } catch let refusal
                as SyncRefusal
            {
                throw Failure(description: refusal.failure.message)
            }
        }
        if answer.isSuccess { return nil }
        // It does not know that kind, or does not want it.
        let plain = try await put(url, isInBand: false, keys)
        guard plain.isSuccess else { throw Failure(description: "the app answered \(plain.status): \(plain.text)") }
        return nil
    }

    /// Whether something answers at the address.
    func isUp(_ url: String) async -> Bool {
        var request = HTTPClientRequest(url: url)
        request.method = .GET
        guard let answer = try? await HTTPClient.shared.execute(request, timeout: Self.timeout) else { return false }
        return answer.status.code < 500
    }

    private func put(_ url: String, isInBand: Bool, _ keys: SigningKeys?) async throws -> Answer {
        let body = Array(try JSONCoding.canonicalText(["url": url]).utf8)
        var request = HTTPClientRequest(url: url)
        request.method = .PUT
        request.headers.add(name: "content-type", value: "application/json")
        request.headers.add(name: "X-Inngest-Server-Kind", value: kind.rawValue)
        if isInBand { request.headers.add(name: "x-inngest-sync-kind", value: "in_band") }
        if let keys {
            request.headers.add(name: "X-Inngest-Signature", value: keys.current.signature(of: body, at: Date()))
        }
        request.body = .bytes(body)
        do {
            let response = try await HTTPClient.shared.execute(request, timeout: Self.timeout)
            let buffer = try await response.body.collect(upTo: Self.answerLimit)
            return Answer(
                status: Int(response.status.code), headers: response.headers, body: Array(buffer.readableBytesView))
        } catch is NIOTooManyBytesError {
            throw Failure(description: "the app's answer has more than \(Self.answerLimit) bytes")
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw Failure(description: "the app does not answer: \(error)", isUnreachable: true)
        }
    }
}

extension AppSync {
    private struct Answer {
        var status: Int
        var headers: HTTPHeaders
        var body: [UInt8]

        var isSuccess: Bool { (200..<300).contains(status) }
        var sdk: String? { headers.first(name: "X-Inngest-SDK") }
        /// The beginning of the body, for people.
        var text: String { String(decoding: body.prefix(300), as: UTF8.self) }

        /// The functions in the answer; nil when there are none.
        /// - Throws: When the answer is not signed as it has to be.
        func inBand(verifiedBy keys: SigningKeys?) throws -> JSON? {
            guard isSuccess, let text = String(validating: body, as: UTF8.self),
                let json = try? JSONCoding.value(JSON.self, from: text), json["functions"]?.array != nil
            else { return nil }
            if let keys, !keys.verify(response: headers.first(name: "X-Inngest-Signature"), body: body, now: Date()) {
                throw Failure(description: "the app's answer is not signed with the signing key of this server")
            }
            return json
        }
    }
}
