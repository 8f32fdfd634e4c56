import AddonProtocol
import AddonSDK
import FlyingFox
import Foundation
import ProxyTools

extension Routes {
    func info() async throws -> JSONValue {
        let daemon = (try? await link.call(.serverInfo)) ?? .null
        return try await OffPool.run {
            let (bytes, flows) = try store.size()
            return [
                "version": .string(link.version), "read_only": .bool(isReadOnly),
                "connected": .bool(status.isConnected),
                "daemon": daemon, "flows": .integer(flows), "newest": try store.newest.map { .integer($0) } ?? .null,
                "oldest": try store.oldest.map { .integer($0) } ?? .null, "bytes": .integer(bytes),
                "limit": .integer(store.limit), "missed": .integer(status.missed),
                "store": store.path.map { .string($0) } ?? .null, "filters": FilterHelp.json,
            ]
        }
    }

    func list(_ query: Query) throws -> JSONValue {
        let rows = try store.rows(
            before: query.number("before"),
            after: query.number("after"),
            limit: query.number("limit") ?? FlowStore.rowsAtOnce
        )
        return ["flows": .array(rows), "total": .integer(store.flowCount)]
    }

    func match(_ query: Query) throws -> JSONValue {
        let limit = try query.number("limit") ?? FlowStore.keysAtOnce
        let (keys, next) = try store.match(
            selection(query),
            before: query.number("before"),
            limit: min(max(limit, 1), FlowStore.keysAtOnce)
        )
        return ["keys": .array(keys.map { .integer($0) }), "next": next.map { .integer($0) } ?? .null]
    }

    func part(_ name: String, of flow: StoredFlow, _ query: Query) async throws -> HTTPResponse {
        switch name {
        case "body": try await StoredBody(flow, query, link).answer(query)
        case "preview": try await StoredBody(flow, query, link).preview()
        case "messages": .json(try await messages(of: flow, query))
        case "changes": .json(await changes(of: flow))
        case "text": .text(try text(of: flow, query))
        default: throw Failure(404, "no such part of a flow")
        }
    }

    /// The flow in the store, or else as the daemon still knows it.
    func whole(_ flow: StoredFlow) async -> JSONValue {
        let now = flow.isImported ? nil : try? await link.call(.flowGet, ["id": .string(flow.id)])["flow"]
        let kept = flow.detail.map { $0.noted(in: flow.row) } ?? now ?? .null
        // Events do not contain the timings.
        let snapshot = now?["timings"].map { kept.setting("timings", $0) } ?? kept
        return [
            "flow": snapshot.withoutContent, "row": flow.row.keyed(flow.key, isImported: flow.isImported),
            "is_complete": .bool(flow.detail != nil), "live": .bool(now != nil),
        ]
    }

    private func messages(of flow: StoredFlow, _ query: Query) async throws -> JSONValue {
        let (first, limit) = (try query.number("from") ?? 0, min(try query.number("limit") ?? 100, 1_000))
        guard let detail = flow.detail else {
            let params: JSONValue = ["id": .string(flow.id), "from": .integer(first), "limit": .integer(max(limit, 1))]
            return try await link.asking(about: flow) { try await $0.call(.flowMessages, params) }
        }
        let (messages, oldest, kept) = try await OffPool.run {
            try store.messages(of: flow.key, from: first, limit: limit)
        }
        let all = max(detail["message_count"]?.intValue ?? kept, kept)
        return [
            "messages": .array(messages), "count": .integer(all), "first": oldest.map { .integer($0) } ?? .null,
            "dropped": .integer(all - kept),
        ]
    }

    /// `known` is false when nobody asked the daemon in time.
    private func changes(of flow: StoredFlow) async -> JSONValue {
        if let changes = flow.changes { return changes.setting("known", true) }
        if !flow.isImported, let now = try? await link.call(.flowBlame, ["id": .string(flow.id)]) {
            return now.setting("known", true)
        }
        let isUnchanged = flow.row["changed_by"]?.arrayValue?.isEmpty ?? true
        return ["changes": [], "rejected": [], "known": .bool(isUnchanged)]
    }

    private func text(of flow: StoredFlow, _ query: Query) throws -> String {
        guard let snapshot = flow.snapshot else { throw Failure(409, "the flow is running, or only its row is known") }
        let name = query["as"] ?? "json"
        guard let form = FlowText(rawValue: name) else {
            throw Failure(400, "as: found \"\(name.prefix(40))\"; allowed: curl, fetch, raw, json")
        }
        guard let text = form.text(of: snapshot) else {
            throw Failure(409, "a flow of this kind cannot be written as \(name)")
        }
        return text
    }

    func export(_ query: Query) async throws -> HTTPResponse {
        let name = query["format"] ?? "har"
        guard let form = ExportForm(rawValue: name) else {
            throw Failure(400, "format: found \"\(name.prefix(40))\"; allowed: har, json, curl")
        }
        let keys: [Int]
        if let named = query["keys"] {
            keys = try named.split(separator: ",").map { part in
                guard let key = Int(part) else {
                    throw Failure(400, "keys: found \"\(part.prefix(40))\"; allowed: keys of flows")
                }
                return key
            }
        } else {
            let selection = try selection(query)
            keys = try await OffPool.run { try store.allKeys(selection) }
        }
        return form.answer(keys.sorted(), store, version: link.version)
    }

    func certificate() async throws -> HTTPResponse {
        guard let pem = try await link.call(.serverInfo)["ca"]?["pem"]?.stringValue else {
            throw Failure(404, "the daemon has no CA, or this addon may not see it")
        }
        return HTTPResponse(
            statusCode: .ok,
            headers: [
                .contentType: "application/x-pem-file",
                .contentDisposition: "attachment; filename=\"proxyd-ca-cert.pem\"",
            ],
            body: Data(pem.utf8)
        )
    }
}

extension DaemonLink {
    /// Asks the daemon about a flow of which only the row is stored.
    ///
    /// - Throws: 404 when the daemon does not know it either.
    func asking(about flow: StoredFlow, _ ask: (DaemonLink) async throws -> JSONValue) async throws -> JSONValue {
        do {
            return try await ask(self)
        } catch {
            if let error = error as? ProtocolError, error.code != ProtocolError.unknownFlow { throw error }
            throw Failure(404, "only the row of this flow is known")
        }
    }
}
