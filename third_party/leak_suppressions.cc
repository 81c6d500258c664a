// Leaks of Debian's libraries that LeakSanitizer would blame on us.

extern "C" const char* __lsan_default_suppressions();

// libgit2 1.5 does not free the match data of its regular expressions.
extern "C" const char* __lsan_default_suppressions() { return "leak:libpcre2-8\n"; }
