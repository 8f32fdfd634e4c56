/// The oldest TLS version that one side may negotiate, by mitmproxy's names.
package enum TLSVersionBound: String, Sendable, CaseIterable {
    case unbounded = "UNBOUNDED"
    case ssl3 = "SSL3"
    case tls1 = "TLS1"
    case tls1_1 = "TLS1_1"
    case tls1_2 = "TLS1_2"
    case tls1_3 = "TLS1_3"
}
