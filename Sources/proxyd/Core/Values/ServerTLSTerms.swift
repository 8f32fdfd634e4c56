import AddonProtocol
import ProxyTLS

/// How to speak TLS with a server, as far as an addon may set it at `serverconnect`.
struct ServerTLSTerms: Sendable {
    /// Whether to verify the server's certificate and its name.
    var verifies = true
    /// The client certificate, or none; nil means what the options have for the server's name.
    var certificate: LeafCertificate??
    /// The ciphers for TLS 1.2 and below, in OpenSSL's syntax; nil means OpenSSL's default.
    var ciphers: String?
    var minimumVersion = TLSVersionLimit.tls1_2
    var maximumVersion = TLSVersionLimit.unbounded
}

extension ServerTLSTerms {
    /// The client certificate for a server of this name.
    func certificate(for name: String, of usual: ClientCertificates?) throws(TLSError) -> LeafCertificate? {
        if let certificate { return certificate }
        return try usual?.certificate(for: name)
    }

    /// - Parameter certificate: the client certificate without its key; nil when there is none or it depends on a name
    ///   that is not known yet.
    func write(certificate: String?, into writer: inout JSONWriter) {
        writer.key("verify")
        writer.bool(verifies)
        writer.field("client_cert", certificate)
        writer.field("ciphers", ciphers)
        writer.field("tls_version_min", minimumVersion.rawValue)
        writer.field("tls_version_max", maximumVersion.rawValue)
    }

    /// Applies one member of a patch of `server_conn`.
    ///
    /// - Returns: whether the member is one of these terms.
    mutating func apply(_ member: JSONValue.Member, at path: String) throws(PatchRefusal) -> Bool {
        let value = member.value
        switch member.name {
        case "verify": verifies = try value.bool(at: path)
        // The empty text says "none", since null, which the snapshot may already show, would be no change.
        case "client_cert" where value.isNull || value.stringValue == "": certificate = .some(nil)
        case "client_cert": certificate = try .reading(value, at: path)
        case "ciphers": ciphers = value.isNull ? nil : try Self.ciphers(value, at: path)
        case "tls_version_min": minimumVersion = try Self.version(value, at: path, TLSVersionLimit.allCases)
        case "tls_version_max":
            maximumVersion = try Self.version(value, at: path, TLSVersionLimit.allCases.filter { $0 != .ssl3 })
        default: return false
        }
        return true
    }

    /// Either bound may be named alone, so both are checked together once the whole patch is applied.
    func checkVersions() throws(PatchRefusal) {
        guard maximumVersion != .unbounded, minimumVersion.number > maximumVersion.number else { return }
        throw PatchRefusal(
            "server_conn.tls_version_max",
            "\(maximumVersion.rawValue) is older than tls_version_min, \(minimumVersion.rawValue)"
        )
    }

    private static func ciphers(_ value: JSONValue, at path: String) throws(PatchRefusal) -> String {
        let text = try value.string(at: path)
        guard text.utf8.count <= Limits.cipherListBytes, !text.utf8.contains(0), (try? CipherList.check(text)) != nil
        else { throw PatchRefusal(path, "OpenSSL supports no cipher in this list") }
        return text
    }

    private static func version(
        _ value: JSONValue,
        at path: String,
        _ allowed: [TLSVersionLimit]
    ) throws(PatchRefusal) -> TLSVersionLimit {
        let name = try value.string(at: path)
        guard let version = allowed.first(where: { $0.rawValue == name }) else {
            let names = allowed.map(\.rawValue).joined(separator: ", ")
            throw PatchRefusal(path, "is not a TLS version; allowed: \(names)")
        }
        return version
    }
}

extension TLSVersionLimit {
    init(_ bound: TLSVersionBound) {
        self = TLSVersionLimit(rawValue: bound.rawValue) ?? .tls1_2
    }
}
