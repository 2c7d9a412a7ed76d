// Opening shared objects without side effects on the process.
#pragma once
#include <string>

namespace dace {

// The floating-point control word; loading code must never change it.
unsigned controlWord();
void setControlWord(unsigned word);

// dlopen(RTLD_NOW | RTLD_LOCAL), control word preserved. nullptr: `why`.
void* openLibrary(const std::string& path, std::string* why);
void* findSymbol(void* library, const char* name);

// Keeps the library that holds `address` in memory for good.
void pinLibraryOf(const void* address);

}  // namespace dace
