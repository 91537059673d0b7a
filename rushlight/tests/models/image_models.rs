//! What all networks for images have in common: creation by name, features and head, stages, and weights for other classes.

use rushlight::nn::utils::skip_init;
use rushlight::nn::{Module, StateDict};
use rushlight::vision::models::{
    ImageModel, ResNetOptions, densenet121, get_model, list_models, resnet18, resnet18_with, resnet50, try_get_model,
    try_resnet18_with,
};
use rushlight::{Tensor, manual_seed, no_grad};

#[test]
fn names_are_sorted_and_unknown_ones_list_similar_ones() {
    assert!(list_models().is_sorted());
    let error = |name| try_get_model(name, 2).err().unwrap().to_string();
    assert_eq!(
        error("vgg-16"),
        "get_model: expected the name of a network such as vgg11, vgg13, vgg16, vgg19, got vgg-16"
    );
    assert!(error("DenseNet121").contains("such as densenet121"));
}

/// The head and the stages are those of the network: every parameter is in one stage, in order, and the last of them is the head.
#[test]
fn stages_hold_all_parameters() {
    let _alone = crate::alone();
    for name in list_models() {
        let net = skip_init(|| get_model(name, 7));
        assert_eq!(net.num_classes(), 7, "{name}");
        let stages = net.stages();
        let heads = net.heads();
        assert_eq!(stages.last().map(String::as_str), Some(heads[0]), "{name}");
        let mut current = 0;
        for (path, _) in net.named_parameters() {
            let stage = stages.iter().position(|stage| path.starts_with(&format!("{stage}.")));
            let stage = stage.unwrap_or_else(|| panic!("{name}: {path} is in no stage of {stages:?}"));
            assert!(stage == current || stage == current + 1, "{name}: {path} is not in order");
            current = stage;
        }
        assert_eq!(current, stages.len() - 1, "{name}");
        net.unfreeze_from(&stages[1]);
        let frozen = net.named_parameters().into_iter().filter(|(_, param)| !param.get().requires_grad());
        assert!(frozen.map(|(path, _)| path).all(|path| path.starts_with(&format!("{}.", stages[0]))), "{name}");
    }
    let error = resnet18(2).try_unfreeze_from("layer5").unwrap_err().to_string();
    let stages = "conv1, bn1, layer1, layer2, layer3, layer4, fc";
    assert_eq!(error, format!("unfreeze_from: expected a stage of ResNet: {stages}, got layer5"));
}

#[test]
fn head_of_features_is_the_network() {
    let _alone = crate::alone();
    manual_seed(0);
    let names = ["resnet18", "squeezenet1_1", "densenet121", "googlenet", "mobilenet_v3_small", "efficientnet_lite0"];
    for name in names {
        let net = get_model(name, 3);
        net.eval();
        let x = Tensor::rand([1, 3, 64, 64]);
        no_grad(|| {
            let features = net.forward_features(&x);
            assert_eq!(features.shape()[..2], [1, net.num_features()], "{name}");
            assert!(net.forward_head(&features).equal(&net.forward(&x)), "{name}");
        });
        let error = net.try_forward_features(&Tensor::zeros([1, 4, 64, 64])).unwrap_err().to_string();
        assert!(error.contains('4'), "{name}: {error}");
    }
}

#[test]
fn backbone_is_loaded_without_the_head() {
    let _alone = crate::alone();
    let (source, net) = (resnet18(5), resnet18(2));
    let head = net.state_dict().get("fc.weight").unwrap() + 0;
    net.load_backbone(&source.state_dict());
    let weights = source.state_dict();
    for (key, tensor) in net.state_dict().iter() {
        let expected = if key == "fc.weight" { &head } else { weights.get(key).unwrap() };
        assert!(key == "fc.bias" || tensor.equal(expected), "{key}");
    }
    // Of another network, all differences are listed, and nothing is changed.
    let before = net.state_dict().get("conv1.weight").unwrap() + 0;
    let other = skip_init(|| resnet50(5)).state_dict();
    let error = net.try_load_backbone(&other).unwrap_err().to_string();
    for part in ["Unexpected", "layer1.0.conv3.weight", "size mismatch for layer1.0.conv1.weight"] {
        assert!(error.contains(part), "{error}");
    }
    assert!(!error.contains("\"fc."), "{error}");
    assert!(net.state_dict().get("conv1.weight").unwrap().equal(&before));
    assert!(net.try_load_pretrained(&source.state_dict()).unwrap_err().to_string().contains("fc.weight"));
}

/// The published weights of DenseNets have the names that the layers had in 2017, and no numbers of batches.
#[test]
fn densenet_takes_old_keys() {
    let _alone = crate::alone();
    let (source, net) = (densenet121(2), skip_init(|| densenet121(2)));
    let old = |key: &str| {
        ["norm1", "norm2", "conv1", "conv2"].iter().fold(key.to_string(), |key, name| {
            if key.contains("denselayer") {
                key.replace(&format!(".{name}."), &format!(".{}.{}.", &name[..4], &name[4..]))
            } else {
                key
            }
        })
    };
    let state: StateDict = source.state_dict().into_iter().map(|(key, tensor)| (old(&key), tensor)).collect();
    let state: StateDict = state.into_iter().filter(|(key, _)| !key.ends_with("num_batches_tracked")).collect();
    assert!(state.get("features.denseblock1.denselayer1.norm.1.weight").is_some());
    assert!(net.try_load_state_dict(&state).is_err());
    net.load_pretrained(&state);
    let weights = source.state_dict();
    assert!(net.state_dict().iter().all(|(key, tensor)| tensor.equal(weights.get(key).unwrap())));
}

#[test]
fn options_of_residual_networks() {
    let _alone = crate::alone();
    let net = skip_init(|| resnet18_with(2, ResNetOptions::new().zero_init_residual(true)));
    let state = net.state_dict();
    let sum = |key: &str| state.get(key).unwrap().sum().item();
    assert_eq!((sum("layer1.0.bn2.weight"), sum("layer1.0.bn1.weight")), (0.0, 64.0));
    let error = try_resnet18_with(2, ResNetOptions::new().groups(2)).err().unwrap().to_string();
    assert!(error.ends_with("with fewer than 50 layers, got 2 and 64"), "{error}");
}
