/// The addon socket's path, and who may come there now.
final class AddonDoor: Sendable {
    let path: String
    private let published: Published<AddonAdmission>

    init(path: String, _ admission: AddonAdmission) {
        self.path = path
        published = Published(admission)
    }

    var admission: AddonAdmission { published.current }

    /// Opens the socket to others, or closes it to them; who has come stays.
    func admit(_ admission: AddonAdmission) throws(StartError) {
        if admission.isOpenToUsers != self.admission.isOpenToUsers {
            try AddonSocketFile.reopen(path, for: admission)
        }
        published.change { $0 = admission }
    }
}
