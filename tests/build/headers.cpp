// Carries the precompiled headers that every test program reuses; holds nothing itself.
