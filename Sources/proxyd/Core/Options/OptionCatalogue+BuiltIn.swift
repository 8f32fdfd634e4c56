extension OptionCatalogue {
    /// The daemon's own options.
    package static let builtIn = OptionCatalogue(
        listening + rules + modes + http + bounds + tls + certificates + output + addonProtocol + rights
    )

    private static let listening = [
        OptionDefinition(
            "listen",
            \.listen,
            .hostPort,
            help: "Address on which the proxy accepts clients; port 0 picks a free port."
        ),
        OptionDefinition(
            "confdir",
            \.confdir,
            .path,
            appliesAt: .start,
            help: "Folder of the CA and of config.yaml; created at the first start."
        ),
        OptionDefinition(
            "require_ca",
            \.requireCA,
            .bool,
            appliesAt: .start,
            help: """
                Refuse to start when the confdir has no CA, instead of creating one, and write nothing there (on the \
                command line: --require-ca).
                """
        ),
        OptionDefinition(
            "setup_host",
            \.setupHost,
            .hostName,
            help: """
                Host name of the set-up page for clients of the proxy: http://proxyd.test/. The page is also served at \
                the address of a regular listener. If empty, there is no set-up page.
                """
        ),
        OptionDefinition(
            "addon_socket",
            \.addonSocket,
            .optionalPath,
            appliesAt: .start,
            help: """
                Unix socket to which addons connect. Default: $PROXYD_ADDON_SOCKET, \
                $XDG_RUNTIME_DIR/proxyd/addon.sock, /run/proxyd/addon.sock for root, or else \
                /tmp/proxyd-$UID/addon.sock.
                """
        ),
        OptionDefinition(
            "addon_uids",
            \.addonUIDs,
            .intList(0...Int(UInt32.max)),
            appliesAt: .start,
            help: "User ids that may connect to the addon socket besides the daemon's own and root."
        ),
        OptionDefinition(
            "addon_group",
            \.addonGroup,
            .groupName,
            appliesAt: .start,
            help: "A group whose members may connect to the addon socket; they have the rights of other users."
        ),
        OptionDefinition(
            "addons",
            \.addons,
            .addons,
            secrecy: .commands,
            help: """
                Addons that the daemon starts and keeps running (on the command line: --addon 'NAME=COMMAND'). When \
                the list changes, only the addons that differ are started, stopped or restarted.
                """
        ),
        OptionDefinition(
            "threads",
            \.threads,
            .int(0...256),
            appliesAt: .start,
            help: "Number of event loops, each on its own thread; 0 means one per core."
        ),
        OptionDefinition(
            "bind_threads",
            \.bindThreads,
            .bool,
            appliesAt: .start,
            help: "Bind each event loop to its own core when there are as many loops as cores."
        ),
        OptionDefinition(
            "web",
            \.web,
            .bool,
            appliesAt: .start,
            help: """
                Start the inspector, which shows flows in a browser, and print its address (on the command line: --web).
                """
        ),
        OptionDefinition(
            "web_listen",
            \.webListen,
            .loopback,
            appliesAt: .start,
            help: "Loopback address on which the inspector serves its page; port 0 picks a free port."
        ),
        OptionDefinition(
            "web_store",
            \.webStore,
            .optionalPath,
            appliesAt: .start,
            help: "File in which the inspector stores flows; without one, they are lost when it stops."
        ),
        OptionDefinition(
            "web_store_limit",
            \.webStoreLimit,
            .size((16 << 20)...(1 << 40)),
            appliesAt: .start,
            help: "How large the inspector's store may grow; the oldest flows are dropped first."
        ),
        OptionDefinition(
            "web_read_only",
            \.webReadOnly,
            .bool,
            appliesAt: .start,
            help: "Make the inspector read-only: it changes no flow, breakpoint or addon."
        ),
        OptionDefinition(
            "replay_from",
            \.replayFrom,
            .paths,
            appliesAt: .start,
            help: """
                Files of recorded flows that answer requests: HAR, or the output of proxyd record (on the command \
                line: --replay-from). The server_replay_… options refine it.
                """
        ),
    ]

    private static let http = [
        OptionDefinition(
            "body_size_limit",
            \.bodySizeLimit,
            .optionalSize(1...(1 << 40)),
            help: "The largest body that is held in memory; a larger one fails its flow. Default: no limit."
        ),
        OptionDefinition(
            "stream_large_bodies",
            \.streamLargeBodies,
            .optionalSize(1...(1 << 40)),
            help: "Bodies larger than this are streamed, and addons cannot change them. Default: no limit."
        ),
        OptionDefinition(
            "http2",
            \.http2,
            .bool,
            help: "Use HTTP/2 with servers that choose it, and offer it to the clients of such servers."
        ),
        OptionDefinition(
            "hold_limit",
            \.holdLimit,
            .size(1...(1 << 40)),
            help: "The largest body that is held for addons; a larger one is streamed."
        ),
        OptionDefinition(
            "hold_idle",
            \.holdIdle,
            .holdIdle,
            help: """
                Seconds of silence after which a body of unknown length is streamed instead of held: \
                first for requests, then for responses; a single number applies to both.
                """
        ),
        OptionDefinition(
            "copy_limit",
            \.copyLimit,
            .size(0...(1 << 40)),
            help: "How much of a streamed body is kept to show to addons that observe or audit."
        ),
        OptionDefinition(
            "stream_types",
            \.streamTypes,
            .mediaTypePatterns,
            help: "Media types of endless streams, where * matches any characters: such bodies are never held."
        ),
        OptionDefinition(
            "decoded_size_limit",
            \.decodedSizeLimit,
            .size(1...(1 << 40)),
            help:
                "The largest decoded body that is sent to an addon with decode; a larger one fails its flow."
        ),
        OptionDefinition(
            "websocket_message_limit",
            \.websocketMessageLimit,
            .size(1...(1 << 40)),
            help: "The largest WebSocket message that is held for addons; a larger one fails its flow with code 1009."
        ),
        OptionDefinition(
            "head_size_limit",
            \.headSizeLimit,
            .size(1_024...(16 << 20)),
            help: "The largest request or response head, including its start line."
        ),
        OptionDefinition(
            "head_fields_limit",
            \.headFieldsLimit,
            .int(1...10_000),
            help: "The most header fields in one head; the same limit applies to trailers."
        ),
        OptionDefinition(
            "metadata_limit",
            \.metadataLimit,
            .size(1_024...(1 << 30)),
            help: "The most metadata that addons may attach to one flow, as JSON."
        ),
        OptionDefinition(
            "connect_timeout",
            \.connectTimeout,
            .int(1...3_600, "seconds"),
            help: "Seconds to wait for a connection to a server."
        ),
        OptionDefinition(
            "tcp_timeout",
            \.tcpTimeout,
            .int(1...86_400, "seconds"),
            help: "Seconds without any data after which a connection is closed; waiting for an addon does not count."
        ),
        OptionDefinition(
            "drain_timeout",
            \.drainTimeout,
            .int(0...3_600, "seconds"),
            help: "Seconds that running flows have to finish when the daemon stops."
        ),
        OptionDefinition(
            "flow_history",
            \.flowHistory,
            .int(0...100_000),
            help: "How many finished flows are remembered, for flow.get, flow.replay and similar calls."
        ),
        OptionDefinition(
            "flow_history_size",
            \.flowHistorySize,
            .size(0...(1 << 40)),
            help: "The most memory for bodies, metadata and comments of remembered flows, in total."
        ),
    ]

    private static let tls = [
        OptionDefinition(
            "ssl_insecure",
            \.sslInsecure,
            .bool,
            help: "Accept any server certificate, without verification."
        ),
        OptionDefinition(
            "ssl_verify_upstream_trusted_ca",
            \.sslVerifyUpstreamTrustedCA,
            .optionalPath,
            help: "PEM file of CA certificates to verify servers against, instead of the system's."
        ),
        OptionDefinition(
            "tls_version_client_min",
            \.tlsVersionClientMin,
            .choice,
            help: "The oldest TLS version that clients may use."
        ),
        OptionDefinition(
            "tls_version_server_min",
            \.tlsVersionServerMin,
            .choice,
            help: "The oldest TLS version that servers may use."
        ),
        OptionDefinition(
            "upstream_cert",
            \.upstreamCert,
            .bool,
            help: "Fetch the server's certificate first, and give the client one with the same names."
        ),
    ]

    private static let output = [
        OptionDefinition(
            "flow_detail",
            \.flowDetail,
            .int(0...4),
            help:
                """
                What stdout shows of flows: 0 nothing, 1 one line each, 2 their headers too, 3 the start of bodies and \
                messages, 4 all of them.
                """
        ),
        OptionDefinition(
            "termlog_verbosity",
            \.termlogVerbosity,
            .choice,
            help: "The least severe log entries that stderr, or log_file, shows."
        ),
        OptionDefinition(
            "log_file",
            \.logFile,
            .optionalPath,
            appliesAt: .start,
            help: "File that the log is appended to instead of stderr; SIGHUP reopens it."
        ),
    ]

    private static let addonProtocol = [
        OptionDefinition(
            "tick_interval_ms",
            \.tickIntervalMs,
            .int(10...3_600_000, "milliseconds"),
            help: "Milliseconds between tick events."
        ),
        OptionDefinition(
            "timeout_ms",
            \.timeoutMs,
            .int(1...3_600_000, "milliseconds"),
            help: "Milliseconds that an addon has to answer an event, unless it asks for another timeout."
        ),
        OptionDefinition(
            "max_timeout_ms",
            \.maxTimeoutMs,
            .int(1...3_600_000, "milliseconds"),
            help: "The most milliseconds that an addon may ask for, extensions included."
        ),
        OptionDefinition(
            "allow_no_timeout",
            \.allowNoTimeout,
            .bool,
            help: "Allow addons to ask for no timeout on events (timeout_ms null)."
        ),
        OptionDefinition(
            "addon_start_timeout",
            \.addonStartTimeout,
            .int(1...3_600, "seconds"),
            help: """
                Seconds that an addon has to become ready; the daemon listens once all are ready or this time is over.
                """
        ),
        OptionDefinition(
            "max_queue",
            \.maxQueue,
            .int(1...1_000_000),
            help: "The most events queued for one addon; beyond it, observers lose the oldest."
        ),
        OptionDefinition(
            "max_queue_bytes",
            \.maxQueueBytes,
            .size((64 << 10)...(1 << 40)),
            help: """
                The most bytes of events queued for one addon; droppable events for observers are counted separately.
                """
        ),
        OptionDefinition(
            "memory_limit",
            \.memoryLimit,
            .optionalSize((64 << 20)...(1 << 50)),
            help: """
                How much memory bodies, messages, remembered flows and queues for addons may take in total. At nine \
                tenths of it, no more bodies are held. Default: a quarter of the machine's memory, at least 256m.
                """
        ),
        OptionDefinition(
            "max_in_flight",
            \.maxInFlight,
            .int(1...65_536),
            help: "The most events that one addon handles at the same time, unless it asks for another number."
        ),
        OptionDefinition(
            "frame_size_limit",
            \.frameSizeLimit,
            .size((64 << 10)...(1 << 30)),
            help: "The largest message on the addon socket."
        ),
        OptionDefinition(
            "json_depth_limit",
            \.jsonDepthLimit,
            .int(8...512),
            help: "The deepest nesting of a message on the addon socket."
        ),
        OptionDefinition(
            "calls_limit",
            \.callsLimit,
            .int(1...1_000_000),
            help: "The most unanswered calls of one addon."
        ),
    ]
}
