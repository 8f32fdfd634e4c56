import AddonProtocol
import ProxyCodecs
import ProxyTLS

/// The subject of `serverconnect` and the events after it: a server connection, and the client that it is made for.
final class ServerConnectEvent: EventSubject {
    private let server: ConnectionInfo
    private let client: ConnectionInfo
    private let usualTerms: UsualTerms?

    /// The TLS terms that apply unless an addon changes them.
    struct UsualTerms {
        var terms: ServerTLSTerms
        var certificates: ClientCertificates?
    }

    /// - Parameter usualTerms: for a connection that is not open yet, which may still change.
    init(server: ConnectionInfo, client: ConnectionInfo, usualTerms: UsualTerms? = nil) {
        self.server = server
        self.client = client
        self.usualTerms = usualTerms
    }

    var connection: ConnectionInfo? { client }
    var heldConnection: ConnectionInfo? { server }

    func writeArguments(_ shape: SnapshotShape, into writer: inout JSONWriter) {
        writer.key("server_conn")
        if let usualTerms { write(usualTerms, into: &writer) } else { writer.raw(server.json) }
        writer.key("client_conn")
        writer.raw(client.json)
    }

    private func write(_ usual: UsualTerms, into writer: inout JSONWriter) {
        let terms = server.tlsTerms ?? usual.terms
        // As long as the server's name is unknown, no certificate is specific to it.
        let certificate = try? terms.certificate(for: server.serverName ?? "", of: usual.certificates)
        writer.beginObject()
        server.writeMembers(into: &writer)
        terms.write(certificate: certificate?.pem, into: &writer)
        writer.endObject()
    }

    func mayChange(_ argument: String) -> Bool { argument == "server_conn" }

    func apply(
        _ patch: JSONValue,
        of name: String,
        by addon: String,
        view: SnapshotShape,
        sent: () -> JSONValue
    ) throws(PatchRefusal)
        -> Bool
    {
        // The offers may still change with the client, so an addon that repeats them makes them its own.
        let offers = patch["id"] == nil ? patch["alpn_offers"] : nil
        let changed = patch.pruned(against: sent())
        guard changed != nil || offers != nil else { return false }
        guard name == "server_conn" else { throw .readOnly(name) }
        var change = try Change(changed ?? [:], of: server, usualTerms?.terms ?? ServerTLSTerms())
        if let offers { try change.takeOffers(offers) }
        server.address = change.address
        server.sockname = change.sockname
        if change.hasTerms { server.tlsTerms = change.terms }
        server.via = change.via
        server.error = change.error
        server.plannedALPN = change.alpn
        server.setTLS(change.isTLS, serverName: change.serverName)
        return true
    }

    /// What a patch changes, checked before it is applied.
    private struct Change {
        var address: ConnectionInfo.Address?
        var sockname: ConnectionInfo.Address?
        var via: UpstreamProxy?
        var terms: ServerTLSTerms
        var hasTerms = false
        var isTLS: Bool
        var serverName: String?
        var alpn: [String]?
        var error: String?

        init(_ patch: JSONValue, of server: ConnectionInfo, _ usual: ServerTLSTerms) throws(PatchRefusal) {
            address = server.address
            sockname = server.sockname
            via = server.via
            terms = server.tlsTerms ?? usual
            isTLS = server.tls != nil
            serverName = server.serverName
            alpn = server.plannedALPN
            error = server.error
            for member in try patch.object(at: "server_conn") {
                let path = "server_conn." + member.name
                switch member.name {
                case "address": address = try .init(member.value, at: path)
                case "sockname": sockname = member.value.isNull ? nil : try .init(local: member.value, at: path)
                case "error": error = member.value.isNull ? nil : try member.value.string(at: path)
                case "sni": serverName = member.value.isNull ? nil : try member.value.string(at: path)
                case "via": via = member.value.isNull ? nil : try UpstreamProxy(member.value, at: path)
                case "tls": isTLS = try member.value.bool(at: path)
                case "alpn_offers": try takeOffers(member.value)
                case _ where try terms.apply(member, at: path): hasTerms = true
                default: throw .readOnly(path)
                }
            }
            try terms.checkVersions()
        }

        mutating func takeOffers(_ value: JSONValue) throws(PatchRefusal) {
            alpn = value.isNull ? nil : try ALPN.offers(value, at: "server_conn.alpn_offers")
        }
    }
}

extension ConnectionInfo {
    /// Sets whether TLS starts as soon as the server is connected, and with which server name.
    fileprivate func setTLS(_ isTLS: Bool, serverName: String?) {
        if isTLS {
            var settings = tls ?? TLS()
            settings.serverName = serverName
            tls = settings
            plannedServerName = nil
        } else {
            tls = nil
            plannedServerName = serverName
        }
    }
}

extension ALPN {
    /// Reads a list of protocol names, each of 1 to 255 bytes (RFC 7301, section 3.1).
    static func offers(_ value: JSONValue, at path: String) throws(PatchRefusal) -> [String] {
        guard let list = value.arrayValue, list.count <= Limits.alpnOffers else {
            throw .wrongType(path, value, allowed: "a list of at most \(Limits.alpnOffers) protocol names, or null")
        }
        var names: [String] = []
        for element in list {
            let name = try element.string(at: path)
            guard (1...255).contains(name.utf8.count) else {
                throw PatchRefusal(path, "\(name.debugDescription) is not a protocol name, which has 1 to 255 bytes")
            }
            names.append(name)
        }
        return names
    }
}

extension ConnectionInfo.Address {
    /// Reads `["host", port]`.
    init(_ value: JSONValue, at path: String) throws(PatchRefusal) {
        guard let pair = value.arrayValue, pair.count == 2 else {
            throw .wrongType(path, value, allowed: "[\"host\", port]")
        }
        let host = try pair[0].string(at: path)
        guard Authority.isHost(host) else {
            throw PatchRefusal(path, "\"\(host)\" is not a host")
        }
        self.init(host: host, port: try pair[1].integer(at: path, in: 1...65535))
    }

    /// Reads `["ip", port]` of this machine, where port 0 lets the kernel choose.
    fileprivate init(local value: JSONValue, at path: String) throws(PatchRefusal) {
        guard let pair = value.arrayValue, pair.count == 2, let host = pair[0].stringValue, IPAddress(host) != nil
        else {
            throw PatchRefusal(path, "must be [\"ip\", port], with an address of this machine and 0 for any port")
        }
        self.init(host: host, port: try pair[1].integer(at: path, in: 0...65535))
    }
}

extension LeafCertificate {
    /// Reads PEM text with a certificate, its key, and perhaps a chain. The error does not repeat the text, which may
    /// contain a key.
    static func reading(_ value: JSONValue, at path: String) throws(PatchRefusal) -> LeafCertificate {
        guard let text = value.stringValue, text.utf8.count <= Limits.addonPEMBytes else {
            let limit = Limits.addonPEMBytes
            throw PatchRefusal(path, "must be PEM text of at most \(limit) bytes, with a certificate and its key")
        }
        do {
            return try reading(pem: Array(text.utf8))
        } catch {
            throw PatchRefusal(path, error.message)
        }
    }
}
