use serde_json::{Value, json};

use super::*;

fn object() -> Value {
    json!({
        "kind": "List", "n": 3, "f": 1.5, "t": true, "nil": null, "empty": [],
        "items": [
            {"name": "a", "labels": {"app.io/x": "1", "y": "2"}, "c": [{"image": "i1", "ready": true, "n": 1}], "r": 2},
            {"name": "b", "labels": {"y": "3"}, "c": [{"image": "i2", "ready": false, "n": 5}, {"image": "i3"}], "r": 10},
            {"name": "c d"},
        ],
    })
}

fn print(template: &str) -> Result<String> {
    Template::read(template)?.print(&object())
}

#[test]
fn the_dialect() {
    for (template, expected) in [
        ("{.kind}", "List"),
        ("{$.kind} {@.n} {.f} {.t}", "List 3 1.5 true"),
        ("{.items[*].name}", "a b c d"),
        ("{.items[0].name}{.items[-1].name}", "ac d"),
        ("{.items[0:2].name}", "a b"),
        ("{.items[::2].name}", "a c d"),
        ("{.items[-2:].name}", "b c d"),
        ("{.items[0,2].name}", "a c d"),
        ("{.items[0]['name','r']}", "a 2"),
        ("{.items[0].labels.app\\.io/x}", "1"),
        ("{.items[0].labels['app\\.io/x']}", "1"),
        ("{.items[0].labels['app.io/x']}", "1"),
        ("{.items[0].labels}", "{\"app.io/x\":\"1\",\"y\":\"2\"}"),
        ("{.items[*].labels.*}", "1 2 3"),
        ("{..image}", "i1 i2 i3"),
        ("{range .items[*]}{.name}{\"\\t\"}{.labels.y}{'\\n'}{end}.", "a\t2\nb\t3\nc d\t\n."),
        ("{range .items[*]}{range .c[*]}{.image};{end}|{end}", "i1;|i2;i3;||"),
        ("{.items[?(@.name==\"b\")].r}", "10"),
        ("{.items[?(@.name=='b')].r}", "10"),
        ("{.items[?(@.r>2)].name}", "b"),
        ("{.items[?(@.r<=2)].name}", "a"),
        ("{.items[?(@.name!=\"b\")].name}", "a c d"),
        ("{.items[?(@.labels)].name}", "a b"),
        ("{.items[*].c[?(@.ready==true)].image}", "i1"),
        ("{.items[?(@.name==\"c d\")].name}", "c d"),
        ("{.items[?(@.name==\")\")].name}", ""),
        ("{.nothing.at.all}", ""),
        ("{.nothing[0]}", ""),
        ("{.empty[*].x}", ""),
        ("{.nil}x", "x"),
        ("a{\"{\"}b", "a{b"),
        ("{'it\\'s'}", "it's"),
        ("{\"\\u00e9\"}", "é"),
    ] {
        assert_eq!(print(template).unwrap_or_else(|error| panic!("{template}: {error}")), expected, "{template}");
    }
}

#[test]
fn what_is_not_understood_is_an_error() {
    for template in [
        ".kind",
        "{range .items[*]}{.name},",
        "{.kind",
        "{kind}",
        "{.items[}",
        "{.items[a]}",
        "{.items[0:1:2:3]}",
        "{.items[+1]}",
        "{.items[]}",
        "{end}",
        "{.items[?(@.r=2)]}",
        "{.items[?(@.r==2]}",
        "{.items[?(@.r==)]}",
        "{.a....b}",
        "{\"x}",
        "{\"\\q\"}",
        "{.items[?(@.r==2&&@.r==3)]}",
        "{.kind[0]}",
        "{.items[5]}",
        "{.items[::0]}",
        "{.kind[?(@.a)]}",
        "{.items[?(@.r==\"2\")]}",
        "{range .items[*]}{foo}{end}",
        "{1.2.3}",
        "{.a\n}",
    ] {
        assert!(print(template).is_err(), "{template}: {:?}", print(template));
    }
}

#[test]
fn columns_take_every_spelling_and_print_as_go_does() {
    let item = &object()["items"][0];
    for (path, expected) in [
        (".name", "a"),
        ("name", "a"),
        ("{.name}", "a"),
        ("{name}", "a"),
        (".c[*].image", "i1"),
        (".missing", "<none>"),
        (".labels", "map[app.io/x:1 y:2]"),
        (".c", "[map[image:i1 n:1 ready:true]]"),
    ] {
        assert_eq!(Path::read(path).unwrap().print(item).unwrap(), expected, "{path}");
    }
    assert!(Path::read(".a}{.b").is_err());
    assert_eq!(Path::read(".x").unwrap().print(&json!({"x": [1e21, 0.00001, 2.5]})).unwrap(), "[1e+21 1e-05 2.5]");
}

#[test]
fn hostile_templates_end() {
    let deep = |depth| format!("{}{}", "{range .items[*]}".repeat(depth), "{end}".repeat(depth));
    assert!(Template::read(&deep(10)).is_ok() && Template::read(&deep(100)).is_err());
    assert!(print(&"{..}".repeat(3)).is_ok());
    for (open, close) in [("[?(@.a", ")]"), ("[?(@", "==1)]"), ("['a'", "]"), ("['b[", "]']"), ("[?(1==@", ")]")] {
        let count = (16 << 10) / (open.len() + close.len() + 1);
        let deep = format!("{{.items{}{}}}", open.repeat(count), close.repeat(count));
        assert!(Template::read(&deep).is_err(), "{open}");
    }
    // Each step has 32 times the values of the one before it.
    let many = format!("{{.x{}}}", format!("[{}]", ["0"; 32].join(",")).repeat(4));
    let error = Template::read(&many).unwrap().print(&json!({"x": [[[[1]]]]})).unwrap_err();
    assert!(error.message().contains("leads to more than"), "{error}");
    let long = json!({"x": "x".repeat(PRINTED_MAX / 2)});
    assert!(Template::read("{.x}").unwrap().print(&long).is_ok());
    let error = Template::read("{.x}{.x}{.x}").unwrap().print(&long).unwrap_err();
    assert!(error.message().contains("prints more than"), "{error}");
}

#[test]
fn work_and_memory_are_bounded_however_the_steps_multiply() {
    let wide = json!({"items": (0..3000).map(|at| json!({"a": [at]})).collect::<Vec<_>>()});
    let deep = (0..100).fold(json!({}), |inner, _| json!({ "a": inner }));
    let union = format!("{{.items[{}]}}", vec!["*"; 2000].join(","));
    let ranges = format!("{}{}", "{range ..}".repeat(9), "{end}".repeat(9));
    for (template, object, expected) in
        [(union.as_str(), &wide, "1000000 values"), (ranges.as_str(), &deep, "8000000 values")]
    {
        let error = Template::read(template).unwrap().print(object).unwrap_err();
        assert!(error.message().contains(expected), "{template}: {error}");
    }
    let path = Path::read(&format!("items[{}]", vec!["*"; 2000].join(","))).unwrap();
    assert!(path.print(&wide).is_err());
}

#[test]
fn item_by_item_is_the_same() {
    let object = object();
    for (template, alone) in [
        ("{.items[*].name}", true),
        ("a {.items[*].labels.*}{\"\\n\"}b", true),
        ("{range .items[*]}{.name}={.r};{end}!", true),
        ("{.items[?(@.r>2)].name}", true),
        ("{.items[*].nothing}", true),
        ("{.items[0].name}", false),
        ("{.items[*].name}{.kind}", false),
        ("{..image}", false),
        ("{.items}", false),
    ] {
        let read = Template::read(template).unwrap();
        let Some(mut by_item) = read.by_item() else {
            assert!(!alone, "{template}");
            continue;
        };
        assert!(alone, "{template}");
        for item in object["items"].as_array().unwrap() {
            by_item.item(item.clone()).unwrap();
        }
        assert_eq!(by_item.finish(), read.print(&object).unwrap(), "{template}");
    }
}
