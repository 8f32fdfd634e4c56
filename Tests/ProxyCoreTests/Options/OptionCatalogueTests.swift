import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct OptionCatalogueTests {
    let catalogue = OptionCatalogue.builtIn

    @Test func `every option, its type and its default`() {
        let table = catalogue.definitions.map { option in
            "\(option.name) \(option.type.rawValue) \(option.type.text(of: option.defaultValue))"
        }
        #expect(
            table == [
                "listen str 127.0.0.1:8080",
                "confdir str ~/.proxyd",
                "require_ca bool false",
                "setup_host str? proxyd.test",
                "addon_socket str? (none)",
                "addon_uids int[] []",
                "addon_group str? (none)",
                "addons addons {}",
                "threads int 0",
                "bind_threads bool true",
                "web bool false",
                "web_listen str 127.0.0.1:8081",
                "web_store str? (none)",
                "web_store_limit size 1g",
                "web_read_only bool false",
                "replay_from str[] []",
                "rules str? (none)",
                "map_remote str[] []",
                "map_local str[] []",
                "modify_headers str[] []",
                "modify_body str[] []",
                "block_list str[] []",
                "mode str[] [\"regular\"]",
                "connection_strategy str eager",
                "keep_host_header bool false",
                "ignore_hosts str[] []",
                "allow_hosts str[] []",
                "tcp_hosts str[] []",
                "proxyauth str? (none)",
                "upstream_auth str? (none)",
                "body_size_limit size? (none)",
                "stream_large_bodies size? (none)",
                "http2 bool true",
                "hold_limit size 64m",
                "hold_idle int[] [1, 10]",
                "copy_limit size 1m",
                #"stream_types str[] ["text/event-stream", "application/grpc*", "application/connect+*", "applicatio…"#,
                "decoded_size_limit size 64m",
                "websocket_message_limit size 256m",
                "head_size_limit size 64k",
                "head_fields_limit int 200",
                "metadata_limit size 1m",
                "connect_timeout int 10",
                "tcp_timeout int 600",
                "drain_timeout int 5",
                "flow_history int 100",
                "flow_history_size size 8m",
                "max_connections int? (none)",
                "max_connections_per_client int? (none)",
                "block_global bool true",
                "block_private bool false",
                "upstream_block str[] []",
                "connect_ports int[] []",
                "via bool false",
                "head_timeout int 60",
                "request_timeout int? (none)",
                "flow_timeout int? (none)",
                "ssl_insecure bool false",
                "ssl_verify_upstream_trusted_ca str? (none)",
                "tls_version_client_min str TLS1_2",
                "tls_version_server_min str TLS1_2",
                "upstream_cert bool true",
                "certs str[] []",
                "client_certs str? (none)",
                "request_client_cert bool false",
                "ciphers_client str? (none)",
                "ciphers_server str? (none)",
                "add_upstream_certs_to_client_chain bool false",
                "flow_detail int 1",
                "termlog_verbosity str info",
                "log_file str? (none)",
                "tick_interval_ms int 100",
                "timeout_ms int 5000",
                "max_timeout_ms int 60000",
                "allow_no_timeout bool false",
                "addon_start_timeout int 10",
                "max_queue int 1024",
                "max_queue_bytes size 16m",
                "memory_limit size? (none)",
                "max_in_flight int 64",
                "frame_size_limit size 64m",
                "json_depth_limit int 64",
                "calls_limit int 1024",
                #"attached_rights str[] ["events", "mutate", "flows.read", "flows.write", "options", "addons", "shutdow…"#,
                "grants str[] []",
                "redact str[] []",
            ]
        )
    }

    @Test func `names are unique and every default is itself allowed`() {
        #expect(Set(catalogue.definitions.map(\.name)).count == catalogue.definitions.count)
        for definition in catalogue.definitions {
            var options = Options()
            #expect(definition.write(definition.defaultValue, &options), "\(definition.name)")
            #expect(options == Options(), "\(definition.name)")
        }
    }

    @Test func `the listing tells type, default, value, help and choices`() throws {
        var options = Options()
        options.tlsVersionClientMin = .tls1_3
        let listing = try #require(catalogue.listing(of: options).arrayValue)
        let entry = try #require(listing.first { $0["name"] == "tls_version_client_min" })
        #expect(
            entry == [
                "name": "tls_version_client_min", "type": "str", "default": "TLS1_2", "value": "TLS1_3",
                "help": "The oldest TLS version that clients may use.",
                "choices": ["UNBOUNDED", "SSL3", "TLS1", "TLS1_1", "TLS1_2", "TLS1_3"],
            ]
        )
    }

    @Test func `values of all options or of those named`() throws {
        var options = Options()
        options.bodySizeLimit = 1_024
        #expect(try catalogue.values(of: options).members?.count == catalogue.definitions.count)
        #expect(
            try catalogue.values(of: options, names: ["body_size_limit", "listen"]) == [
                "body_size_limit": 1024, "listen": "127.0.0.1:8080",
            ]
        )
        #expect(throws: OptionError(option: "x", reason: .unknown(nearest: []))) {
            try catalogue.values(of: options, names: ["x"])
        }
    }

    @Test(arguments: [
        ("thread", ["threads"]), ("body_size", ["body_size_limit"]), ("ssl-insecure", ["ssl_insecure"]),
        ("timeout", ["connect_timeout", "tcp_timeout", "drain_timeout"]), ("frobnicate", []), ("", []),
        ("wed", ["web"]), ("new", []), ("key", []),
    ])
    func `suggests the names that are near`(slip: String, names: [String]) {
        #expect(Set(catalogue.nearestNames(to: slip)).isSuperset(of: names.prefix(1)))
        #expect(catalogue.nearestNames(to: slip).isEmpty == names.isEmpty)
    }
}
