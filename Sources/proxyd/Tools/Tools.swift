package import ArgumentParser

/// The subcommands that talk to a running daemon, or play the daemon to an addon.
package enum Tools {
    /// Every subcommand, in the order of the help.
    package static let commands: [any ParsableCommand.Type] = [
        CACommand.self, InitCommand.self,
        FlowsCommand.self, ShowCommand.self, TapCommand.self, LogCommand.self, HoldCommand.self, ResumeCommand.self,
        KillCommand.self, ReplayCommand.self, EditCommand.self, AddonsCommand.self, AddCommand.self, RemoveCommand.self,
        ReloadCommand.self, StatsCommand.self, InfoCommand.self, CallCommand.self,
        InspectCommand.self, RecordCommand.self, SendCommand.self, RulesCommand.self, ServeReplayCommand.self,
        PlayCommand.self, CheckCommand.self,
    ]
}
