import AddonProtocol
import ProxyCore

/// The flows of a file: an HTTP Archive, what `proxyd record` has written, or what the inspector has exported as JSON.
struct ImportedFlows {
    static let maximumBytes = 256 << 20
    private static let kinds = ["http", "websocket", "tcp"]

    private(set) var flows: [EndedFlow] = []
    /// Entries, from 0, that are no flows, and why.
    private(set) var skipped: [(entry: Int, reason: String)] = []

    init(_ bytes: [UInt8]) throws {
        // The ids in the file may be there already.
        let prefix = "imported-\(randomToken().prefix(12))-"
        if let archive = try? JSONReader.read(bytes, maximumDepth: 128), let log = archive["log"] {
            guard let entries = log["entries"]?.arrayValue else {
                throw Failure(422, "log.entries: found none; a HAR has them")
            }
            for (number, entry) in entries.enumerated() { take(number, entry, prefix) }
        } else {
            try readLines(bytes, prefix)
        }
    }

    private mutating func take(_ number: Int, _ entry: JSONValue, _ prefix: String) {
        do throws(HAREntry.Fault) {
            flows.append(try HAREntry(entry, id: prefix + "\(number)").flow)
        } catch {
            skipped.append((number, error.reason))
        }
    }

    private mutating func readLines(_ bytes: [UInt8], _ prefix: String) throws {
        var known: [String: Int] = [:]
        for (number, line) in bytes.split(separator: UInt8(ascii: "\n")).enumerated() {
            guard let json = try? JSONReader.read(Array(line), maximumDepth: 128) else {
                guard number > 0 else {
                    throw Failure(422, "neither a HAR nor JSON lines, as `proxyd record` writes them")
                }
                skipped.append((number, "not JSON"))
                continue
            }
            guard let flow = Self.flow(in: json) else {
                // A recording has frames of other kinds, which are no flows and no faults.
                if !Self.isOfRecording(json) {
                    skipped.append((number, "not a flow, nor a frame with one that has ended"))
                }
                continue
            }
            guard let id = flow["id"]?.stringValue, Self.kinds.contains(flow["type"]?.stringValue ?? "") else {
                skipped.append((number, "a flow has an id and a type: \(Self.kinds.joined(separator: ", "))"))
                continue
            }
            guard flow["type"] == "tcp" || (flow["handshake_flow"] ?? flow)["request"]?.members != nil else {
                // Some addons are shown only a part of a flow that others have seen whole.
                if json["message"] == nil { skipped.append((number, "only the row of this flow is known")) }
                continue
            }
            let named = flow.setting("id", .string(prefix + id.prefix(200)))
            let imported = EndedFlow(snapshot: named, messages: flow["messages"]?.arrayValue ?? [], isImported: true)
            if let index = known[id] {
                flows[index] = imported
            } else {
                known[id] = flows.count
                flows.append(imported)
            }
        }
        guard !flows.isEmpty || !skipped.isEmpty || !bytes.isEmpty else { throw Failure(422, "the file is empty") }
    }

    private static func isOfRecording(_ line: JSONValue) -> Bool {
        ["message", "recording", "missed"].contains { line[$0] != nil }
    }

    /// A flow that has ended: the line itself, or the argument of the event that it records.
    private static func flow(in line: JSONValue) -> JSONValue? {
        if line["type"] != nil, line["id"] != nil { return line }
        guard let message = line["message"], let method = message["method"]?.stringValue,
            ["response", "error", "websocket_end", "tcp_end"].contains(method)
        else { return nil }
        return message["params"]?["flow"]
    }
}
