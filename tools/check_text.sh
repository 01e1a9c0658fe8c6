#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Spelling, shell scripts, white space, and the man pages that the program prints of itself:
# check_text.sh [FAIRLEAD]   FAIRLEAD: the program, to check its man pages too.
set -u
program=${1:+$(realpath "$1")}
cd "$(dirname "$0")/.." || exit 1
bad=0

for tool in codespell shellcheck mandoc; do
  command -v "$tool" > /dev/null || { echo "text: $tool is missing: apt-get install $tool"; exit 1; }
done
git ls-files -z -- '*.c' '*.h' '*.md' '*.py' '*.sh' Makefile meson.build |
  xargs -0 codespell -L 'upto,datas,alpha-numeric,ans,ser,te,fo,hist,inout,sting,nd,ue' || bad=1
git ls-files -z -- '*.sh' .ci/run | xargs -0 shellcheck || bad=1
if git grep -nIE '[[:blank:]]+$' -- '*.c' '*.h' '*.py' '*.sh' '*.build'; then
  echo 'text: white space at the end of a line'
  bad=1
fi
if [ -n "$program" ]; then
  for verb in $("$program" help | awk '/^  [a-z]/ && $1 != "help" && $1 != "version" { print $1 }'); do
    "$program" help --man "$verb" | mandoc -T lint -W warning || { echo "text: man page of $verb"; bad=1; }
  done
fi
exit $bad
