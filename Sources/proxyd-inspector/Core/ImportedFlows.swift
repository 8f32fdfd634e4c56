import AddonProtocol
import ProxyCore
import ProxyTools

/// The flows of a file: an HTTP Archive, a recording of `proxyd record`, or a JSON export of the inspector.
struct ImportedFlows {
    static let maximumBytes = 256 << 20

    private(set) var flows: [EndedFlow] = []
    /// The entries, numbered from 0, that are not flows, and why.
    private(set) var skipped: [(entry: Int, reason: String)] = []

    init(_ bytes: [UInt8]) throws {
        // The ids in the file may exist already.
        let prefix = "imported-\(randomToken().prefix(12))-"
        var known: [String: Int] = [:]
        do throws(FlowFileError) {
            for piece in try FlowFilePiece.all(in: bytes) {
                switch FlowFileItem(piece) {
                case .ended(let flow, let messages): take(flow, messages, prefix, of: piece, &known)
                case .begun, .other: break
                case .fault(let reason): skipped.append((piece.index, reason))
                }
            }
        } catch {
            throw Failure(422, "the file \(error)")
        }
    }

    /// If a recording has a flow more than once, the last one counts.
    private mutating func take(
        _ flow: JSONValue,
        _ messages: [JSONValue],
        _ prefix: String,
        of piece: FlowFilePiece,
        _ known: inout [String: Int]
    ) {
        let id = flow["id"]?.stringValue ?? ""
        let named = flow.setting("id", .string(prefix + id.prefix(200)))
        let imported = EndedFlow(snapshot: named, messages: messages, isImported: true)
        if piece.kind == .line, let index = known[id] {
            flows[index] = imported
            return
        }
        known[id] = flows.count
        flows.append(imported)
    }
}
