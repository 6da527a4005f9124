# Writes OUT with version and commit, and leaves it alone when nothing changed. AGORA_COMMIT names the commit where there is no git.
if(DEFINED ENV{AGORA_COMMIT} AND NOT "$ENV{AGORA_COMMIT}" STREQUAL "")
  set(commit "$ENV{AGORA_COMMIT}")
else()
  execute_process(
    COMMAND git -C "${SOURCE}" rev-parse --short=12 HEAD
    OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(failed)
    set(commit "unknown")
  endif()
endif()
set(text "#pragma once\n#define AGORA_VERSION \"${VERSION}\"\n#define AGORA_COMMIT \"${commit}\"\n")
if(EXISTS "${OUT}")
  file(READ "${OUT}" before)
endif()
if(NOT "${before}" STREQUAL "${text}")
  file(WRITE "${OUT}" "${text}")
endif()
