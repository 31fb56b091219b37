// Arrow streams in and out: columns as numpy arrays that keep their chunk alive, and numpy arrays
// as a stream that keeps them alive.
#include <pybind11/numpy.h>

#include <array>
#include <atomic>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "arrow.hpp"
#include "bind.hpp"

namespace bookflow {
namespace {

namespace py = pybind11;

constexpr const char* kCapsule = "arrow_array_stream";

[[noreturn]] void refuse(const std::string& rule) {
    PyErr_SetString(PyExc_ValueError, rule.c_str());
    throw py::error_already_set();
}

// A chunk of a stream, and one of its columns: the rows [begin, begin + rows) of `array`.
using Chunk = std::shared_ptr<arrow::Array>;
struct Slice {
    const arrow::Array* array;
    std::int64_t begin;
    std::int64_t rows;

    [[nodiscard]] const void* buffer(std::int64_t i) const {
        return i < array->n_buffers ? array->buffers[i] : nullptr;
    }
};

// numpy's type of a fixed-width Arrow format, or nothing.
py::object dtype_of(std::string_view format) {
    static constexpr std::array<std::pair<char, const char*>, 10> kPlain{{{'c', "i1"},
                                                                          {'C', "u1"},
                                                                          {'s', "i2"},
                                                                          {'S', "u2"},
                                                                          {'i', "i4"},
                                                                          {'I', "u4"},
                                                                          {'l', "i8"},
                                                                          {'L', "u8"},
                                                                          {'f', "f4"},
                                                                          {'g', "f8"}}};
    if (format.size() == 1) {
        for (const auto& [letter, name] : kPlain) {
            if (letter == format[0]) return py::dtype(name);
        }
    }
    static constexpr std::array<std::pair<char, const char*>, 4> kTimes{
        {{'s', "M8[s]"}, {'m', "M8[ms]"}, {'u', "M8[us]"}, {'n', "M8[ns]"}}};
    if (format.size() >= 4 && format.substr(0, 2) == "ts" && format[3] == ':') {
        for (const auto& [letter, name] : kTimes) {
            if (letter == format[2]) return py::dtype(name);
        }
    }
    return py::none();
}

// The values where they lie. The array owns a share of the chunk.
py::array values_of(const Chunk& chunk, const Slice& slice, const py::dtype& dtype) {
    const auto size = static_cast<std::int64_t>(dtype.itemsize());
    const void* data = slice.buffer(1);
    if (slice.rows == 0) return py::array(dtype, py::ssize_t{0});
    if (data == nullptr) refuse("a column without its buffer");
    py::capsule owner(new Chunk(chunk), [](void* p) { delete static_cast<Chunk*>(p); });
    py::array made(dtype, {static_cast<py::ssize_t>(slice.rows)}, {},
                   static_cast<const char*>(data) + slice.begin * size, owner);
    py::detail::array_proxy(made.ptr())->flags &= ~py::detail::npy_api::NPY_ARRAY_WRITEABLE_;
    return made;
}

[[nodiscard]] bool is_valid(const void* bits, std::int64_t i) {
    return (static_cast<const std::uint8_t*>(bits)[i / 8] >> (i % 8) & 1) != 0;
}

// Which rows are null, or None if none is.
py::object nulls_of(const Slice& slice) {
    const void* bits = slice.buffer(0);
    if (slice.array->null_count == 0 || bits == nullptr) return py::none();
    py::array_t<bool> nulls(slice.rows);
    bool* out = nulls.mutable_data();
    bool any = false;
    for (std::int64_t i = 0; i < slice.rows; ++i) any |= out[i] = !is_valid(bits, slice.begin + i);
    return any ? py::object(nulls) : py::none();
}

// Text of the formats u, U and vu, as a list; None for a null.
py::object texts_of(const Slice& slice, std::string_view format) {
    if (format != "u" && format != "U" && format != "vu") return py::none();
    const void* bits = slice.array->null_count == 0 ? nullptr : slice.buffer(0);
    const auto* place = static_cast<const char*>(slice.buffer(1));
    if (slice.rows > 0 && place == nullptr) refuse("a column of text without its buffer");
    py::list made(static_cast<py::size_t>(slice.rows));
    for (std::int64_t i = 0; i < slice.rows; ++i) {
        const std::int64_t row = slice.begin + i;
        py::object text = py::none();
        if (bits == nullptr || is_valid(bits, row)) {
            const char* data = nullptr;
            std::int64_t length = 0;
            if (format == "vu") {
                std::array<std::int32_t, 4> view{};  // length, then the text or where it is
                std::memcpy(view.data(), place + row * 16, 16);
                length = view[0];
                data = length <= 12 ? place + row * 16 + 4
                                    : static_cast<const char*>(slice.buffer(2 + view[2]));
                if (length > 12 && data != nullptr) data += view[3];
            } else if (format == "u") {
                std::array<std::int32_t, 2> ends{};
                std::memcpy(ends.data(), place + row * 4, 8);
                data = static_cast<const char*>(slice.buffer(2));
                length = ends[1] - ends[0];
                if (data != nullptr) data += ends[0];
            } else {
                std::array<std::int64_t, 2> ends{};
                std::memcpy(ends.data(), place + row * 8, 16);
                data = static_cast<const char*>(slice.buffer(2));
                length = ends[1] - ends[0];
                if (data != nullptr) data += ends[0];
            }
            if (length < 0 || (length > 0 && data == nullptr)) refuse("text outside its buffer");
            text = py::reinterpret_steal<py::object>(
                PyUnicode_DecodeUTF8(data == nullptr ? "" : data, length, "replace"));
            if (!text) throw py::error_already_set();
        }
        made[static_cast<py::size_t>(i)] = text;
    }
    return made;
}

class ArrowReader {
public:
    explicit ArrowReader(const py::capsule& capsule) {
        if (capsule.name() == nullptr || std::strcmp(capsule.name(), kCapsule) != 0) {
            refuse("no capsule of an Arrow stream");
        }
        auto* given = capsule.get_pointer<arrow::Stream>();
        if (given->release == nullptr) refuse("the stream was taken before");
        *stream_ = *given;  // moved, as the specification says: the capsule gives nothing back
        given->release = nullptr;
        const int code = stream_->get_schema(stream_.get(), schema_.get());
        if (code != 0) fail(code);
        if (schema_->format == nullptr || std::strcmp(schema_->format, "+s") != 0) {
            refuse("no stream of record batches");
        }
    }

    [[nodiscard]] py::list names() const {
        py::list made;
        for (std::int64_t i = 0; i < schema_->n_children; ++i) {
            const char* name = schema_->children[i]->name;
            made.append(name == nullptr ? "" : name);
        }
        return made;
    }

    // The next batch's columns as (format, values or None, nulls or None, dictionary or None).
    py::object next() {
        if (busy_.exchange(true)) refuse("the stream is read by another thread");
        const Chunk chunk = arrow::owned<arrow::Array>();
        int code = 0;
        {
            py::gil_scoped_release released;  // it may wait for threads that need it
            code = stream_->get_next(stream_.get(), chunk.get());
        }
        busy_ = false;
        if (code != 0) fail(code);
        if (chunk->release == nullptr) return py::none();
        check(*chunk);
        py::list columns;
        for (std::int64_t i = 0; i < schema_->n_children; ++i) {
            columns.append(column(chunk, *schema_->children[i], *chunk->children[i]));
        }
        return columns;
    }

private:
    void check(const arrow::Array& batch) const {
        if (batch.length < 0 || batch.offset < 0 || batch.n_children != schema_->n_children) {
            refuse("a batch that is not its schema's");
        }
        if (batch.null_count != 0 && batch.n_buffers > 0 && batch.buffers[0] != nullptr) {
            for (std::int64_t i = 0; i < batch.length; ++i) {
                if (!is_valid(batch.buffers[0], batch.offset + i)) refuse("a row that is null");
            }
        }
        for (std::int64_t i = 0; i < batch.n_children; ++i) {
            const arrow::Array& child = *batch.children[i];
            if (child.offset < 0 || child.length < batch.offset + batch.length) {
                refuse("a column shorter than its batch");
            }
        }
    }

    static py::tuple column(const Chunk& chunk, const arrow::Schema& schema,
                            const arrow::Array& array) {
        const Slice slice{&array, array.offset + chunk->offset, chunk->length};
        const std::string_view format = schema.format;
        py::object dictionary = py::none();
        if (schema.dictionary != nullptr && array.dictionary != nullptr) {
            const arrow::Array& words = *array.dictionary;
            dictionary = texts_of({&words, words.offset, words.length}, schema.dictionary->format);
        }
        const py::object dtype = dtype_of(format);
        py::object values = dtype.is_none() ? texts_of(slice, format)
                                            : py::object(values_of(chunk, slice, py::dtype(dtype)));
        const bool is_coded = schema.dictionary != nullptr && dictionary.is_none();
        return py::make_tuple(is_coded ? "dictionary" : schema.format,
                              is_coded ? py::object(py::none()) : values, nulls_of(slice),
                              dictionary);
    }

    [[noreturn]] void fail(int code) {
        const char* text = stream_->get_last_error(stream_.get());
        refuse(text == nullptr ? std::strerror(code) : text);
    }

    // In this order: the stream goes last, as what it lent does not need it.
    std::shared_ptr<arrow::Stream> stream_ = arrow::owned<arrow::Stream>();
    std::shared_ptr<arrow::Schema> schema_ = arrow::owned<arrow::Schema>();
    std::atomic<bool> busy_ = false;
};

// -- out ------------------------------------------------------------------------------------------

// A reference that may be given back by a thread without the GIL, and after the interpreter's end.
void give_back(PyObject* object) {
    if (Py_IsInitialized() == 0) return;
    const PyGILState_STATE state = PyGILState_Ensure();
    Py_DECREF(object);
    PyGILState_Release(state);
}

struct Text {
    std::string format;
    std::string name;
    std::string metadata;
    std::vector<arrow::Schema*> children;
};

void release_schema(arrow::Schema* schema) {
    auto* text = static_cast<Text*>(schema->private_data);
    for (arrow::Schema* child : text->children) {
        if (child->release != nullptr) child->release(child);  // else it was moved away
        delete child;
    }
    delete text;
    schema->release = nullptr;
}

void fill(arrow::Schema* out, std::unique_ptr<Text> text) {
    *out = {text->format.c_str(),
            text->name.c_str(),
            nullptr,
            0,
            0,
            nullptr,
            nullptr,
            release_schema,
            nullptr};
    if (!text->metadata.empty()) out->metadata = text->metadata.data();
    out->n_children = static_cast<std::int64_t>(text->children.size());
    out->children = text->children.data();
    out->private_data = text.release();
}

struct Buffers {
    PyObject* owner = nullptr;
    std::array<const void*, 2> of{};
    std::vector<arrow::Array*> children{};
};

void release_array(arrow::Array* array) {
    auto* buffers = static_cast<Buffers*>(array->private_data);
    for (arrow::Array* child : buffers->children) {
        if (child->release != nullptr) child->release(child);
        delete child;
    }
    if (buffers->owner != nullptr) give_back(buffers->owner);
    delete buffers;
    array->release = nullptr;
}

void fill(arrow::Array* out, std::int64_t rows, std::unique_ptr<Buffers> buffers) {
    const bool is_column = buffers->owner != nullptr;
    *out = {rows,
            0,
            0,
            is_column ? 2 : 1,
            static_cast<std::int64_t>(buffers->children.size()),
            buffers->of.data(),
            buffers->children.data(),
            nullptr,
            release_array,
            nullptr};
    out->private_data = buffers.release();
}

struct ColumnOut {
    std::string name;
    std::string format;
    const void* data;
    PyObject* owner;  // borrowed: `Table::arrays` holds it
};

struct TableOut {
    std::vector<ColumnOut> columns{};
    std::int64_t rows = 0;
    std::string metadata{};
    PyObject* arrays = nullptr;
    bool done = false;
};

int table_schema(arrow::Stream* stream, arrow::Schema* out) {
    const auto* table = static_cast<TableOut*>(stream->private_data);
    auto whole = std::make_unique<Text>(Text{"+s", "", table->metadata, {}});
    for (const ColumnOut& column : table->columns) {
        auto* child = new arrow::Schema{};
        fill(child, std::make_unique<Text>(Text{column.format, column.name, "", {}}));
        whole->children.push_back(child);
    }
    fill(out, std::move(whole));
    return 0;
}

int table_next(arrow::Stream* stream, arrow::Array* out) {
    auto* table = static_cast<TableOut*>(stream->private_data);
    *out = {};
    if (table->done) return 0;
    table->done = true;
    auto whole = std::make_unique<Buffers>();
    const PyGILState_STATE state = PyGILState_Ensure();
    for (const ColumnOut& column : table->columns) {
        Py_INCREF(column.owner);
        auto* child = new arrow::Array{};
        fill(child, table->rows,
             std::make_unique<Buffers>(Buffers{column.owner, {nullptr, column.data}, {}}));
        whole->children.push_back(child);
    }
    PyGILState_Release(state);
    fill(out, table->rows, std::move(whole));
    return 0;
}

void table_release(arrow::Stream* stream) {
    auto* table = static_cast<TableOut*>(stream->private_data);
    give_back(table->arrays);
    delete table;
    stream->release = nullptr;
}

void append_length(std::string& out, std::size_t n) {
    const auto length = static_cast<std::int32_t>(n);
    out.append(reinterpret_cast<const char*>(&length), sizeof length);
}

// The Arrow format of numpy's numbers, or nothing.
const char* format_of(const py::dtype& dtype) {
    const char kind = dtype.kind();
    const auto size = dtype.itemsize();
    if (kind == 'f') return size == 8 ? "g" : size == 4 ? "f" : nullptr;
    if (kind != 'i' && kind != 'u') return nullptr;
    static constexpr std::array<std::array<const char*, 2>, 4> kIntegers{
        {{"c", "C"}, {"s", "S"}, {"i", "I"}, {"l", "L"}}};
    const std::size_t width = size == 1 ? 0 : size == 2 ? 1 : size == 4 ? 2 : 3;
    return kIntegers[width][kind == 'u' ? 1 : 0];
}

// Contiguous columns of plain numbers as a stream of one batch.
py::capsule arrow_stream(const py::dict& columns, const py::dict& metadata) {
    auto table = std::make_unique<TableOut>();
    for (const auto& [name, value] : columns) {
        const auto array = py::cast<py::array>(value);
        const char* format = format_of(array.dtype());
        const bool is_whole = array.ndim() == 1 && (array.flags() & py::array::c_style) != 0;
        if (format == nullptr || !is_whole) refuse("columns are contiguous arrays of numbers");
        if (!table->columns.empty() && array.shape(0) != table->rows) {
            refuse("columns have one length");
        }
        table->rows = array.shape(0);
        table->columns.push_back({py::cast<std::string>(name), format, array.data(), value.ptr()});
    }
    if (!metadata.empty()) {
        append_length(table->metadata, metadata.size());
        for (const auto& item : metadata) {
            for (const py::handle part : {item.first, item.second}) {
                const auto text = py::cast<std::string>(part);
                append_length(table->metadata, text.size());
                table->metadata += text;
            }
        }
    }
    table->arrays = columns.attr("copy")().release().ptr();
    auto stream = std::make_unique<arrow::Stream>(arrow::Stream{
        table_schema, table_next, [](arrow::Stream*) -> const char* { return nullptr; },
        table_release, table.release()});
    py::capsule made(stream.get(), kCapsule, [](PyObject* capsule) {
        auto* left = static_cast<arrow::Stream*>(PyCapsule_GetPointer(capsule, kCapsule));
        if (left->release != nullptr) left->release(left);
        delete left;
    });
    stream.release();
    return made;
}

}  // namespace

void bind_arrow(py::module_& m) {
    using namespace py::literals;
    py::class_<ArrowReader>(m, "ArrowReader",
                            "The batches of an Arrow stream, one after the other.")
        .def(py::init<const py::capsule&>(), "capsule"_a)
        .def_property_readonly("names", &ArrowReader::names, "The columns' names.")
        .def(
            "next", &ArrowReader::next,
            "The next batch's columns as (format, values, nulls, dictionary), or None.\n\n"
            "Values are where the producer has them: each array keeps its batch alive. They are a\n"
            "list for text, and None for a format that is not read.");
    m.def("arrow_stream", &arrow_stream, "columns"_a, "metadata"_a = py::dict(),
          "A capsule of an Arrow stream of one batch: contiguous columns by name, not copied.");
}

}  // namespace bookflow
