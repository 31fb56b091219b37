# `cmake --install` puts the headers and a package config in place, for find_package(bookflow).
# The component "python" (cpp/bindings) is what a wheel holds; "cpp" stays out of it.
include(CMakePackageConfigHelpers)

set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/bookflow)

install(DIRECTORY cpp/include/bookflow TYPE INCLUDE COMPONENT cpp FILES_MATCHING PATTERN "*.hpp")
install(TARGETS bookflow EXPORT bookflow COMPONENT cpp)
install(EXPORT bookflow NAMESPACE bookflow:: FILE bookflowConfig.cmake
        DESTINATION ${config_dir} COMPONENT cpp)

write_basic_package_version_file(${PROJECT_BINARY_DIR}/bookflowConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/bookflowConfigVersion.cmake
        DESTINATION ${config_dir} COMPONENT cpp)
