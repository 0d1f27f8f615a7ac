# C++ of Kafka's messages, generated from src/wire/schema into ${CMAKE_BINARY_DIR}/generated/wire.

find_package(Python3 REQUIRED COMPONENTS Interpreter)

function(partita_wire_generate)
  set(gen ${CMAKE_SOURCE_DIR}/src/wire/gen)
  set(schema ${CMAKE_SOURCE_DIR}/src/wire/schema)
  set(out ${CMAKE_BINARY_DIR}/generated)
  file(GLOB_RECURSE inputs CONFIGURE_DEPENDS ${schema}/*.txt ${gen}/*.py)
  execute_process(COMMAND ${Python3_EXECUTABLE} -B ${gen}/generate.py ${schema} ${out} --list
                  OUTPUT_VARIABLE listed COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX REPLACE "[\r\n]+" ";" listed "${listed}")
  list(REMOVE_ITEM listed "")
  list(TRANSFORM listed PREPEND ${out}/)
  add_custom_command(
    OUTPUT ${listed} COMMAND ${Python3_EXECUTABLE} -B ${gen}/generate.py ${schema} ${out}
    DEPENDS ${inputs} COMMENT "Generating Kafka's messages" VERBATIM)
  target_sources(partita_wire PRIVATE ${listed})
  add_custom_target(partita_generated DEPENDS ${listed})
  add_dependencies(partita_wire partita_generated)

  # Several messages a compilation: the headers that they share cost more than a message does.
  # Included by their names below ${out} (CMake's own unity files name the checkout's path, and no
  # other clone would find them in the compiler's cache).
  set(sources ${listed})
  list(FILTER sources INCLUDE REGEX "\\.cc$")
  set_source_files_properties(${sources} PROPERTIES HEADER_FILE_ONLY ON)
  set(index 0)
  foreach(source ${sources})
    math(EXPR group "${index} / 10")
    math(EXPR index "${index} + 1")
    file(RELATIVE_PATH name ${out} ${source})
    string(APPEND messages_${group} "#include \"${name}\"\n")
  endforeach()
  foreach(number RANGE ${group})
    set(file ${out}/wire/messages_${number}.cc)
    file(CONFIGURE OUTPUT ${file} CONTENT "${messages_${number}}" @ONLY)
    target_sources(partita_wire PRIVATE ${file})
  endforeach()
  if(TARGET wire_test)
    target_link_libraries(wire_test PRIVATE z)
  endif()
endfunction()
