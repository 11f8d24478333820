#!/bin/sh
# Prints what the images are made of from Debian 13 and its security updates, as they are now: for each package its
# architecture, name, version, path below the archive's root and SHA-256. apt checks the indices by their signatures.
# The output is committed as debian.txt, so that an image's contents change by a commit and not by a day.
#
# usage: pin.sh > src/main/images/debian.txt      (needs apt; no root)
set -eu
packages="gcc-14-base libc6 libgcc-s1 libstdc++6 zlib1g openjdk-25-jdk-headless"

# The URI of the first source that serves this machine's own Debian release.
uri=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(ORIGIN)' |
    awk '$3 == "Debian" && $2 ~ /^[a-z]+$/ { sub("/$", "", $1); print $1; exit }')
[ -n "$uri" ] || { echo "this machine's apt sources have no Debian archive" >&2; exit 1; }

apt=$(mktemp -d)
trap 'rm -rf "$apt"' EXIT
mkdir -p "$apt/sources" "$apt/state/lists/partial" "$apt/cache/archives/partial"
: >"$apt/status"
cat >"$apt/sources/pin.sources" <<EOF
Types: deb
URIs: $uri
Suites: trixie trixie-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: $uri-security
Suites: trixie-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
EOF
cat >"$apt/apt.conf" <<EOF
APT::Architecture "arm64";
APT::Architectures { "arm64"; "amd64"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$apt/sources";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "$apt/state";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
EOF
export APT_CONFIG="$apt/apt.conf"
apt-get -qq -o APT::Update::Error-Mode=any update >&2
echo "# Written by pin.sh: architecture, package, version, path below the archive's root, SHA-256."
for architecture in amd64 arm64; do
    for package in $packages; do
        apt-cache show --no-all-versions "$package:$architecture" | awk -v root="${uri##*/}" '
            /^Package: / { name = $2 }
            /^Version: / { version = $2 }
            /^Architecture: / { architecture = $2 }
            /^Filename: / { path = $2 }
            /^SHA256: / { sum = $2 }
            END {
                if (path ~ /^pool\/updates\//) root = root "-security"
                print architecture, name, version, root "/" path, sum
            }'
    done
done
