import Testing

@testable import ProxyTools

@Suite struct ClientEnvironmentTests {
    private func variables(over inherited: [String: String]) -> [String: String] {
        ClientEnvironment(
            proxy: "http://127.0.0.1:1",
            host: "127.0.0.1",
            port: 1,
            bundle: { "/\($0).pem" },
            javaTrustStore: "/java.jks",
            nodeScript: "/a folder/node.cjs"
        ).variables(over: inherited)
    }

    @Test func `the proxy is named in both spellings, and nothing is excepted`() {
        let variables = variables(over: [
            "no_proxy": "localhost", "NO_PROXY": "*", "HTTPS_PROXY": "http://other", "HOME": "/x",
        ])
        for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
            #expect(variables[name] == "http://127.0.0.1:1")
        }
        #expect(variables["no_proxy"] == nil && variables["NO_PROXY"] == nil && variables["HOME"] == "/x")
        #expect(variables["SSL_CERT_FILE"] == "/SSL_CERT_FILE.pem")
        #expect(variables["NODE_EXTRA_CA_CERTS"] == "/NODE_EXTRA_CA_CERTS.pem")
    }

    @Test func `what Java and Node are told already stays`() {
        let variables = variables(over: ["JAVA_TOOL_OPTIONS": "-Da=b", "NODE_OPTIONS": "--no-warnings"])
        #expect(variables["NODE_OPTIONS"] == "--no-warnings --require=\"/a folder/node.cjs\"")
        let java = variables["JAVA_TOOL_OPTIONS"]
        #expect(java?.hasPrefix("-Da=b -Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=1 ") == true)
        #expect(java?.contains("-Djavax.net.ssl.trustStore=/java.jks") == true)
    }
}
