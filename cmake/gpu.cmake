# Modules of GPUs (src/engine/gpu/module.h): loaded when the program runs, so nothing of the program
# needs them.

# On the processor, for tests.  Frame pointers and stack protection stay as everywhere.
file(GLOB EMULATED_SOURCES CONFIGURE_DEPENDS src/engine/gpu/emulated/*.c)
add_library(safeconf_emulated_objects OBJECT ${EMULATED_SOURCES})
target_include_directories(safeconf_emulated_objects PUBLIC include src)
target_link_libraries(safeconf_emulated_objects PUBLIC Threads::Threads m)
add_library(safeconf_emulated MODULE $<TARGET_OBJECTS:safeconf_emulated_objects>)
target_link_libraries(safeconf_emulated PRIVATE Threads::Threads m)
