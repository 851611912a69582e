// A shared object that is no module.
extern "C" int orrery_nothing() { return 0; }
