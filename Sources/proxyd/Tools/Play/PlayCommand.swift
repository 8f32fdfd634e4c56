import AddonProtocol
import ArgumentParser

struct PlayCommand: ParsableCommand, Sendable {
    static let configuration = CommandConfiguration(
        commandName: "play",
        abstract: "Play a recording to an addon, without a network, and compare its replies.",
        discussion: """
            Sends the addon what the daemon sent while `proxyd record` was running, and prints where its replies differ from the recorded \
            ones, path by path. Its calls get the recorded answers. The exit code is 1 if anything differs, so this is a regression \
            test for addons.

            EXAMPLES
              proxyd record session.jsonl --addon add-header     (until Ctrl-C)
              proxyd play session.jsonl -- python3 examples/python/add_header.py
              proxyd play --fast --json session.jsonl -- ./my-addon
            """
    )

    @Argument(help: ArgumentHelp("A recording of `proxyd record`.", valueName: "file"), completion: .file())
    var file: String

    @Option(
        help: ArgumentHelp(
            "The addon whose frames to play; by default the one named as the addon registers.",
            valueName: "name"
        )
    )
    var addon: String?

    @Flag(help: "Send each frame as soon as possible, ignoring the recorded times.")
    var fast = false

    @OptionGroup var options: AddonOptions

    func run() throws {
        ToolProcess.run {
            let recording = try Recording(path: file)
            for lack in recording.lacks { Notice.write(escapedForTerminal("\(file): \(lack)")) }
            let (player, name) = try play(recording)
            report(player, name)
            if !player.differences.isEmpty { ToolProcess.end(1) }
        }
    }

    /// - Returns: also the name of the addon whose frames were played.
    private func play(_ recording: Recording) throws(ToolFailure) -> (Player, String) {
        let tested = try AddonUnderTest(options)
        defer { tested.end() }
        let values = recording.head["options"] ?? Welcome.builtInOptions
        let registration = try welcome(tested.link, values)
        let name = try chosen(recording, registration.name)
        let player = Player(
            AddonTalk(tested.link),
            recording.frames.filter { $0.addon == name },
            patience: options.patience(for: registration),
            isFast: fast
        )
        player.run(configuration: Welcome.configuration(of: registration, options: values))
        return (player, name)
    }

    private func welcome(_ link: AddonLink, _ options: JSONValue) throws(ToolFailure) -> Registration {
        do throws(ProtocolError) {
            let frame = try link.next(before: .now + .seconds(AddonUnderTest.connectSeconds))
            guard let frame else {
                let ending = link.ending?.rawValue ?? "nothing within \(AddonUnderTest.connectSeconds) s"
                throw ProtocolError(code: ProtocolError.notInitialized, message: ending)
            }
            guard case .single(.request(let id, Call.initialize.rawValue, let params)) = try IncomingFrame.decode(frame)
            else {
                throw ProtocolError(
                    code: ProtocolError.notInitialized,
                    message: "its first message is not the request initialize"
                )
            }
            let registration = try Registration(params: params)
            if let reason = registration.disable {
                throw ProtocolError(code: ProtocolError.notInitialized, message: "it does not take part: \(reason)")
            }
            link.send(.success(id: id, result: Welcome.result(to: registration, options: options)))
            return registration
        } catch {
            throw ToolFailure.nothing("the addon does not register: \(error.message); `proxyd check` tells more")
        }
    }

    /// The name of the addon whose frames to play.
    private func chosen(_ recording: Recording, _ registered: String) throws(ToolFailure) -> String {
        let names = recording.addons
        if let name = addon ?? (names.contains(registered) ? registered : nil) {
            guard !names.contains(name) else { return name }
        } else if names.count == 1 {
            let words =
                "the recording is of \(names[0]); \(registered) has registered, and is compared with the frames of \(names[0])"
            Notice.write(escapedForTerminal(words))
            return names[0]
        }
        let known = names.isEmpty ? "no addon at all" : names.joined(separator: ", ")
        throw ToolFailure.usage("\(file) has no frames of \(addon ?? registered); it has frames of \(known)")
    }

    private func report(_ player: Player, _ name: String) {
        let differences = player.differences
        if player.unaskedReplies > 0 {
            let replies = Words.count(player.unaskedReplies, "recorded reply has", "recorded replies have")
            Notice.write("\(replies) no request before, and \(player.unaskedReplies == 1 ? "is" : "are") not compared")
        }
        if options.json {
            let report: JSONValue = [
                "addon": .string(name), "replies": .integer(player.comparedReplies),
                "differences": .array(differences.map(\.json)), "omitted": .integer(player.omitted),
            ]
            return Output.line(JSONText.line(report))
        }
        Output.lines(differences.map { escapedForTerminal($0.text) })
        let replies = Words.count(player.comparedReplies, "reply", "replies")
        let found = Words.count(differences.count + player.omitted, "difference", "differences")
        if player.omitted > 0 { Output.line("… \(player.omitted) more") }
        Output.line("\(escapedForTerminal(name)): \(replies), \(differences.isEmpty ? "no difference" : found)")
    }
}
