/// The addon socket's path, and who may connect now.
final class AddonDoor: Sendable {
    let path: String
    private let published: Published<AddonAdmission>

    init(path: String, _ admission: AddonAdmission) {
        self.path = path
        published = Published(admission)
    }

    var admission: AddonAdmission { published.current }

    /// Changes who may connect. Established connections stay.
    func admit(_ admission: AddonAdmission) throws(StartError) {
        if admission.isOpenToUsers != self.admission.isOpenToUsers {
            try AddonSocketFile.reopen(path, for: admission)
        }
        published.change { $0 = admission }
    }
}
