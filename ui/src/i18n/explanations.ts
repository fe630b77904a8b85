/**
 * What Doctor and the checks of capabilities found, in other languages than the controller's own. Its sentences are English; each has a
 * stable check, reason and parameters, and is looked up by them. A test reads the controller's sources and finds what is missing here.
 */
import type { Check } from "@/platform/contract";
import type { Language } from "./index";

interface Explanations {
  /** By check and reason; `{name}` stands for a parameter. */
  sentences: Record<string, Record<string, string>>;
  /** Reasons that mean the same for every check. */
  everywhere: Record<string, string>;
  /** Reasons that mean the same for every capability. */
  capability: Record<string, string>;
  /** Parameters that are words and no names. */
  words: Record<string, string>;
}

const noModule = "Das Kernelmodul {module} ist nicht geladen, oder dieser Kernel hat keines.";
const noDesktop = { no_desktop: "Diese Sitzung hat keine Arbeitsumgebung; die Befehlszeile braucht keine.", no_bus: "Der Bus der Sitzung lässt sich nicht fragen.", there: "Die Arbeitsumgebung zeigt sie an." };

const german: Explanations = {
  everywhere: {
    no_engine: "Die Engine lässt sich nicht fragen.",
    slow: "Die Antwort dauert zu lange.",
  },
  capability: {
    there: "Vorhanden.",
    unknown: "Dieses Codchi kennt sie nicht. Vielleicht ein neueres.",
  },
  words: {
    "this computer": "diesem Computer",
    "the controller": "dem Controller",
    "a machine": "einer Maschine",
    keyring: "Schlüsselbund",
    vault: "Tresor",
    "none of the usual ones was found": "keine der üblichen wurde gefunden",
  },
  sentences: {
    engine: {
      answers: "Sie antwortet.",
      missing: "Weder LXD noch Incus ist installiert. Codchi braucht eines von beiden.",
      error: "Sie antwortet mit einem Fehler.",
      stopped: "{engine} ist installiert und läuft nicht.",
      root_only: "Nur der Administrator darf {engine} benutzen: Der Socket gehört der Gruppe {group}.",
      no_group: "Sie dürfen {engine} nicht benutzen, und es gibt keine Gruppe {group}, die es darf.",
      relogin: "Sie sind in der Gruppe {group}, aber diese Sitzung begann davor. Melden Sie sich ab und wieder an; für ein einzelnes Terminal genügt `newgrp {group}`.",
      denied: "Sie dürfen {engine} nicht benutzen. Die Gruppe {group} darf es.",
    },
    version: {
      old: "{engine} {version} ist zu alt; {oldest}.0 ist die älteste Version, die Codchi benutzen kann.",
      unread: "{engine} nennt seine Version nicht wie erwartet: {version}.",
      supported: "Codchi kann sie benutzen.",
    },
    wsl: {
      missing: "WSL ist nicht installiert. Führen Sie als Administrator `wsl --install` aus.",
      new: "Neu genug.",
      old: "WSL ist zu alt. Führen Sie `wsl --update` aus.",
    },
    pool: {
      built_in: "WSL verwahrt Distributionen selbst.",
      missing: "Die Engine hat keinen Speicherpool: Sie wurde nicht eingerichtet.",
      there: "Er ist da.",
      other: "Den Speicherpool „{pool}“, der benutzt werden soll, gibt es nicht; es gibt: {pools}. CODCHI_LXD_POOL nennt einen.",
      several: "Es gibt mehrere Speicherpools, und keiner ist gewählt: {pools}. CODCHI_LXD_POOL nennt einen.",
    },
    profile: {
      built_in: "WSL hat keine Profile.",
      missing: "Die Engine hat kein Profil „{profile}“.",
      complete: "Es hat eine Wurzelplatte und ein Netz.",
      no_root: "Das Profil „{profile}“ hat kein Wurzelgerät: Container haben keine Platte.",
      no_nic: "Das Profil „{profile}“ hat kein Netzgerät: Maschinen erreichen nichts.",
      empty: "Das Profil „{profile}“ hat weder ein Wurzelgerät noch ein Netzgerät.",
    },
    network: {
      built_in: "WSL hat ein eigenes Netz.",
      no_nic: "Das Profil „{profile}“ hat kein Netzgerät.",
      missing: "Das Profil nennt das Netz {bridge}, das es nicht gibt.",
      foreign: "Container sind in {bridge}, das nicht von der Engine verwaltet wird.",
      no_address: "Die Bridge {bridge} hat keine IPv4-Adresse.",
      no_nat: "Die Bridge {bridge} hat kein NAT: Maschinen erreichen nichts jenseits dieses Computers.",
      no_interface: "Die Bridge {bridge} ist auf diesem Computer nicht eingerichtet. Laufende Maschinen sind nach einem Neustart wieder daran.",
      no_forwarding: "Dieser Computer leitet keine Pakete weiter: Maschinen erreichen nichts.",
      cut_off: "Der Controller läuft und hat auf {bridge} keine Adresse bekommen. Vielleicht ist eine Firewall dazwischen: {firewalls}.",
      works: "Eingerichtet.",
    },
    idmap: {
      snap: "Das Snap von LXD bringt seine eigenen mit.",
      enough: "Es sind genug.",
      few: "Root hat in {files} zu wenige IDs für die Benutzer von Containern; nötig sind {needed}.",
    },
    cgroups: {
      unified: "Es sind die der zweiten Version.",
      few_controllers: "Der Kernel hat keine Control Groups für {missing}: Darin lassen sich Maschinen nicht begrenzen.",
      hybrid: "Es sind die beider Versionen.",
      legacy: "Es sind die der ersten Version, mit denen neuere systemds nicht starten. Starten Sie diesen Computer ohne systemd.unified_cgroup_hierarchy=0.",
      none: "Unter /sys/fs/cgroup sind keine Control Groups eingehängt: Kein Container kann starten.",
    },
    inotify: {
      unread: "Die Grenze lässt sich nicht lesen.",
      low: "Dieser Computer erlaubt {limit} inotify-Instanzen, genug für etwa {machines} Maschinen zugleich. Was sie erhöht, hält bis zum nächsten Start; eine Datei in /etc/sysctl.d behält es bei.",
      enough: "Es gibt genug inotify-Instanzen für viele Maschinen.",
    },
    images: {
      missing: "Die Abbilder, aus denen Container gemacht werden, wurden nicht gefunden. Installieren Sie Codchi neu, oder lassen Sie CODCHI_IMAGE_DIR darauf zeigen.",
      there: "Sie sind da.",
      size: "Das Abbild des Controllers hat eine andere Größe als angegeben. Installieren Sie Codchi neu.",
      unread: "Das Abbild des Controllers lässt sich nicht lesen. Installieren Sie Codchi neu.",
    },
    controller: {
      not_installed: "Er ist noch nicht installiert. Das geschieht von selbst mit der ersten Maschine.",
      stopped: "Er läuft nicht. Er wird von selbst gestartet, wenn er gebraucht wird.",
      damaged: "Er ist beschädigt: Was hineingehört, fehlt. Er kann neu gemacht werden; der Store bleibt.",
      silent: "Er läuft, sagt aber nicht, wie es ihm geht. Er kann neu gemacht werden; der Store bleibt.",
      other_release: "Er ist von einer anderen Version. Er wird von selbst ersetzt, wenn er das nächste Mal gebraucht wird; der Store bleibt.",
      runs: "Er läuft.",
    },
    "nix-daemon": {
      not_running: "Der Controller läuft nicht.",
      no_controller: "Der Controller antwortet nicht.",
      dead: "Er läuft nicht. Ein Neustart des Controllers kann helfen.",
      silent: "Er läuft und antwortet nicht. Ein Neustart des Controllers hilft.",
      refuses: "Er läuft und lehnt ab. Ein Neustart des Controllers kann helfen.",
      answers: "Er antwortet.",
    },
    disk: {
      full: "In {place} sind nur noch {free} frei: Nichts kann gebaut werden.",
      inodes: "In {place} passen nur noch {files} Dateien.",
      low: "In {place} sind {free} frei; große Builds brauchen vielleicht mehr.",
      untold: "Niemand sagt, wie viel Platz es gibt.",
      enough: "Es ist genug Platz.",
    },
    machines: {
      stray: "Es gibt Container ohne Einstellungen: {names}. `codchi delete` entfernt einen mit allen Dateien darin.",
      unread: "Die Einstellungen der Maschinen lassen sich nicht lesen.",
      whole: "Jeder Container einer Maschine hat seine Einstellungen.",
    },
    clock: {
      past: "Die Uhr dieses Computers geht falsch: Um {now} gilt noch kein Zertifikat. Stellen Sie sie.",
      apart: "Die Uhr des Controllers geht {seconds} s anders als die dieses Computers. Starten Sie WSL oder diesen Computer neu.",
      right: "Sie ist glaubhaft.",
    },
    dns: {
      proxy: "Der Proxy schlägt Namen nach.",
      none: "Keine Maschine hat ein Modul aus dem Netz.",
      found: "Sie werden gefunden.",
      none_found: "Kein Name wird gefunden: {names}. Ist dieser Computer im Netz?",
      some_missing: "Diese Namen werden nicht gefunden: {names}.",
    },
    proxy: {
      none: "Keiner ist gesetzt.",
      unread: "Die Variable {variable} ist keine Adresse eines Proxys.",
      answers: "Er antwortet.",
      silent: "Der Proxy {proxy} antwortet nicht: Nichts kann heruntergeladen werden.",
    },
    certificates: {
      none: "Keine Maschine hat ein Modul aus dem Netz.",
      expired: "Das Zertifikat von {host} gilt jetzt nicht, gesehen von {from}. Wenn die Uhr richtig geht, muss sein Besitzer es erneuern.",
      untrusted: "Dieser Computer vertraut dem Zertifikat von {host} nicht. Gehört der Host Ihrer Firma, importieren Sie das Zertifikat ihrer Zertifizierungsstelle.",
      not_passed_on: "Dieser Computer vertraut dem Zertifikat von {host}, aber von {from} aus wird ihm nicht vertraut.",
      not_in_machine: "Dieser Computer vertraut dem Zertifikat von {host}, aber von {from} aus wird ihm nicht vertraut. Module verlangen das mit codchi.hostSecrets.caCertificates.",
      authority_expired: "Die Zertifizierungsstelle {subject}, der dieser Computer vertraut, ist am {date} abgelaufen. Importieren Sie ihr neues Zertifikat.",
      authority_expires: "Die Zertifizierungsstelle {subject}, der dieser Computer vertraut, läuft am {date} ab. Importieren Sie ihr neues Zertifikat, bevor es so weit ist.",
      unreached: "{host} wird von {from} aus nicht erreicht.",
      no_git: "Zum Nachsehen wird Git gebraucht; es ist nicht installiert.",
      trusted: "Sie gelten.",
    },
    keyring: {
      unread: "Die Einstellungen lassen sich nicht lesen.",
      ready: "Geheimnisse können verwahrt und gelesen werden.",
      locked: "Der {store} ist gesperrt; er wird geöffnet, wenn ein Geheimnis gebraucht wird.",
      no_vault: "Der Tresor entsteht mit dem ersten Geheimnis.",
      no_keyring: "Diese Sitzung hat keinen Schlüsselbund. Geheimnisse können stattdessen in einem Tresor verwahrt werden, einer Datei mit einer Passphrase.",
    },
    notifications: { ...noDesktop, not_shown: "Diese Arbeitsumgebung zeigt keine Benachrichtigungen. Installieren Sie ein Programm dafür, etwa dunst oder mako." },
    tray: { ...noDesktop, not_shown: "Diese Arbeitsumgebung zeigt keine Symbole im Infobereich. GNOME tut es mit der Erweiterung AppIndicator; das Fenster kommt ohne aus." },
    "capability.gpu": {
      no_card: "Dieser Computer hat keine Grafikkarte.",
      no_driver: "Für die Grafikkarte ist kein Treiber geladen, der rendert. Installieren Sie den des Herstellers, dann starten Sie den Computer neu.",
    },
    "capability.cuda": {
      no_card: "Dieser Computer hat keine NVIDIA-Karte.",
      no_driver: "Installieren Sie den Treiber von NVIDIA, dann starten Sie den Computer neu.",
      no_tools: "Die Container-Werkzeuge von NVIDIA fehlen. Findet die Behebung sie nicht, fügen Sie zuerst NVIDIAs Paketquelle hinzu: https://docs.nvidia.com/datacenter/cloud-native/container-toolkit",
    },
    "capability.usb": { none: "Dieser Computer hat kein USB." },
    "capability.ssh-agent": { no_agent: "In dieser Sitzung läuft kein SSH-Agent. Starten Sie einen, etwa `ssh-agent`, und fügen Sie mit `ssh-add` Schlüssel hinzu." },
    "capability.sound": { no_server: "In dieser Sitzung läuft kein Soundserver. Starten Sie PipeWire oder PulseAudio." },
    "capability.video": { no_display: "Keine Anzeige antwortet. Starten Sie Codchi in einer grafischen Sitzung." },
    "capability.camera": { none: "Dieser Computer hat keine Kamera, oder sie ist nicht angesteckt. Starten Sie die Maschine neu, wenn sie es ist." },
    "capability.kvm": {
      no_module: noModule,
      no_extension: "Der Prozessor bietet sie nicht an. Schalten Sie Virtualisierung in der Firmware des Computers ein; ist dieser Computer selbst eine virtuelle Maschine, erlauben Sie ihr verschachtelte.",
    },
    "capability.fuse": { no_module: noModule },
    "capability.tun": { no_module: noModule },
    "capability.docker-nesting": {
      no_namespaces: "Dieser Kernel erlaubt keine Benutzernamensräume.",
      no_overlay: "Das Kernelmodul overlay ist nicht geladen.",
    },
  },
};

const catalogues: Partial<Record<Language, Explanations>> = { de: german };

/** What a check found, in this language; in the controller's words where there are no others. */
export function explanation(check: Pick<Check, "id" | "reason" | "parameters" | "explanation">, language: string): string {
  const catalogue = catalogues[language as Language];
  if (catalogue === undefined) return check.explanation;
  const common = check.id.startsWith("capability.") ? catalogue.capability[check.reason] : undefined;
  const sentence = catalogue.sentences[check.id]?.[check.reason] ?? common ?? catalogue.everywhere[check.reason];
  if (sentence === undefined) return check.explanation;
  return sentence.replace(/\{(\w+)\}/g, (hole, name: string) => {
    const value = check.parameters[name];
    return value === undefined ? hole : (catalogue.words[value] ?? value);
  });
}
