import AddonProtocol
import FlyingFox
import Foundation
import ProxyTools
import Synchronization

/// The form in which flows are exported.
enum ExportForm: String {
    case har
    case json
    case curl

    /// - Parameter keys: the flows, in the order in which to write them. One flow at a time is read.
    func answer(_ keys: [Int], _ store: FlowStore, version: String) -> HTTPResponse {
        HTTPResponse(
            statusCode: .ok,
            headers: [.contentType: type, .contentDisposition: "attachment; filename=\"flows.\(fileExtension)\""],
            body: source(keys, store, version: version).body
        )
    }

    func source(_ keys: [Int], _ store: FlowStore, version: String) -> any ByteSource {
        Export(self, keys, store, version)
    }

    private var type: String {
        switch self {
        case .har: "application/json"
        case .json: "application/x-ndjson"
        case .curl: "text/plain; charset=utf-8"
        }
    }

    private var fileExtension: String {
        switch self {
        case .har: "har"
        case .json: "jsonl"
        case .curl: "sh"
        }
    }

    /// The bytes of a flow; nil when it has no such form.
    fileprivate func bytes(of snapshot: JSONValue) -> [UInt8]? {
        switch self {
        case .har: snapshot.isOfConnection ? nil : HAR.entry(snapshot)?.encoded()
        case .json: snapshot.encoded() + [UInt8(ascii: "\n")]
        case .curl: FlowText.curl.text(of: snapshot).map { Array("\($0)\n".utf8) }
        }
    }
}

extension JSONValue {
    /// Whether it is a tunnel, or an upgrade that the entry of its WebSocket includes; browsers write no entries for these.
    fileprivate var isOfConnection: Bool {
        if self["request"]?["method"] == "CONNECT" { return true }
        guard self["type"] == "http", self["response"]?["status_code"] == 101 else { return false }
        return (self["response"]?["headers"]?.arrayValue ?? []).contains { field in
            let pair = (field.arrayValue ?? []).map { $0.text.lowercased() }
            return pair == ["upgrade", "websocket"]
        }
    }
}

/// Produces the bytes of an export, one flow at a time.
private final class Export: ByteSource {
    private enum Step {
        case start, flows, over
    }

    private struct State {
        var step = Step.start
        var keys: ArraySlice<Int>
        var isFirst = true
    }

    private let form: ExportForm
    private let store: FlowStore
    private let version: String
    private let state: Mutex<State>

    init(_ form: ExportForm, _ keys: [Int], _ store: FlowStore, _ version: String) {
        (self.form, self.store, self.version) = (form, store, version)
        state = Mutex(State(keys: keys[...]))
    }

    func next() async -> [UInt8]? {
        switch state.withLock(\.step) {
        case .start:
            state.withLock { $0.step = .flows }
            return form == .har ? HAR.head(version) : await next()
        case .flows:
            if let bytes = await OffPool.run({ self.nextFlow() }) { return bytes }
            state.withLock { $0.step = .over }
            return form == .har ? HAR.end : nil
        case .over: return nil
        }
    }

    private func nextFlow() -> [UInt8]? {
        while let key = state.withLock({ $0.keys.popFirst() }) {
            // Flows that have gone meanwhile are left out.
            guard let flow = try? store.flow(key), let bytes = snapshot(of: flow).flatMap(form.bytes) else { continue }
            let isFirst = state.withLock { state in
                defer { state.isFirst = false }
                return state.isFirst
            }
            return form == .har && !isFirst ? Array(",\n".utf8) + bytes : bytes
        }
        return nil
    }

    /// The snapshot; nil for a flow of which there is only the row, as it is still running or was missed.
    private func snapshot(of flow: StoredFlow) -> JSONValue? {
        guard let snapshot = flow.snapshot else { return form == .json ? flow.row : nil }
        guard snapshot["messages"] != nil else { return snapshot }
        let messages = try? store.messages(of: flow.key, from: 0, limit: Int(Int32.max)).messages
        return snapshot.setting("messages", .array(messages ?? []))
    }
}
